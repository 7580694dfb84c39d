/** The check of ids by neutral weights for a component of an opened pipeline: what `vdmini blocks --check` does, in the tab. */
import type { ComponentId } from '../blocks/plan';
import { decoderBindings } from '../pipeline/frameDecoder';
import { type CheckedId, type CheckIdsOptions, checkIds } from './checkIds';
import type { Pipeline } from './Pipeline';

/** In the ids that plans of the pipeline use. Throws as `checkIds`. */
export function checkComponentIds(
  pipeline: Pipeline,
  id: ComponentId,
  options: Omit<CheckIdsOptions, 'bindings' | 'externalData'>,
): Promise<readonly CheckedId[]> {
  const { file, tree, externalData } = pipeline.component(id);
  const bindings = id === 'denoiser' ? pipeline.inputs.bindings : decoderBindings(file.model, pipeline.description);
  return checkIds(pipeline.runtime, file.model, tree, { ...options, bindings, externalData });
}
