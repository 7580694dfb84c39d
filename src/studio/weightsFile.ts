/** A component's added weights as one file, to be kept somewhere and added again. Where it lies is the caller's. */
import { StudioError } from '../errors/StudioError';
import type { Tensor } from '../onnx/model';
import { readSafetensors, writeSafetensors } from '../onnx/safetensors';
import type { OpenedComponent } from './Pipeline';
import type { Edit, WeightsId } from './Variant';

/** As a safetensors file. Throws `engine/no-weights` for weights that are not there. */
export function weightsFile(component: OpenedComponent, weights: WeightsId): Uint8Array<ArrayBuffer> {
  const tensors = component.addedWeights().get(weights);
  if (tensors) return writeSafetensors(tensors);
  throw new StudioError('engine/no-weights', 'The weights of this student are not loaded.', { weights });
}

/** Adds what `weightsFile` wrote. Throws `library/integrity` for bytes that are not those weights, `engine/no-weights` as `addWeights`. */
export async function addWeightsFile(component: OpenedComponent, weights: WeightsId, file: Uint8Array): Promise<void> {
  const added = await component.addWeights(readSafetensors(file));
  if (added === weights) return;
  await component.removeWeights(added);
  throw new StudioError('library/integrity', 'The kept weights of this student are not what was healed. Delete it.', {
    weights,
  });
}

/** Weights that were trained from others: where only some were trained, the rest is what they began with. */
export function addTrainedWeights(
  component: OpenedComponent,
  from: Edit['weights'],
  trained: ReadonlyMap<string, Tensor>,
): Promise<WeightsId> {
  return component.addWeights(new Map([...(component.addedWeights().get(from) ?? []), ...trained]));
}
