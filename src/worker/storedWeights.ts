/** Weights that this browser keeps, given to the open pipeline when a variant wants them and it does not have them yet. */
import { StudioError } from '../errors/StudioError';
import type { Pipeline } from '../studio/Pipeline';
import type { Variant, WeightsId } from '../studio/Variant';
import { addWeightsFile } from '../studio/weightsFile';
import { type HealStore, openHealStore } from './healStore';
import type { PipelineName } from './pipelineName';

/** Throws `engine/no-weights` for weights that are kept nowhere, and `library/integrity`. */
export async function loadStoredWeights(
  pipeline: Pipeline,
  name: PipelineName,
  { edits }: Variant,
  open: () => Promise<HealStore> = openHealStore,
): Promise<void> {
  const wanted = edits.denoiser?.weights ?? 'original';
  if (wanted === 'original' || pipeline.denoiser.addedWeights().has(wanted)) return;
  const stored = await (await open()).students.read(wanted);
  if (!stored || stored.head.fingerprint !== (await name.get())) throw gone(wanted);
  await addWeightsFile(pipeline.denoiser, wanted, stored.bytes);
}

const gone = (weights: WeightsId) =>
  new StudioError(
    'engine/no-weights',
    'The weights of this student are not kept in this browser any more. Heal it again.',
    { weights },
  );
