/** What a written component is compared with: one call of the gated session, on the first inputs of a clip. */
import type { ComponentId } from '../blocks/plan';
import { decoderFeeds } from '../pipeline/frameDecoder';
import type { Feeds } from '../runtime/Runtime';
import { firstCall } from './firstCall';
import type { GenerateSettings } from './GenerateSettings';
import type { Pipeline } from './Pipeline';
import type { Edit } from './Variant';
import { type Preview, previewStudent } from './verifyStudent';

/** Throws as `previewStudent`. */
export async function previewComponent(
  pipeline: Pipeline,
  id: ComponentId,
  edit: Edit,
  settings: GenerateSettings,
): Promise<Preview> {
  return previewStudent(pipeline, pipeline.component(id), await probe(pipeline, id, settings), edit);
}

/** The denoiser's first call of a clip, the decoder's of seeded noise. */
async function probe(pipeline: Pipeline, id: ComponentId, settings: GenerateSettings): Promise<Feeds> {
  if (id === 'denoiser') return pipeline.inputs.feeds(await firstCall(pipeline, settings));
  return decoderFeeds(pipeline.component(id).file.model, pipeline.description, settings.seed);
}
