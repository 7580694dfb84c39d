/**
 * Is a written student the pruned graph with the component's own weights? Told from the file as it is read again, byte
 * for byte, so that no number decides what counts as equal. It runs nothing: `verifyStudent` compares what it computes.
 */
import { StudioError } from '../errors/StudioError';
import { checkModel } from '../onnx/checkModel';
import { type CompareOptions, modelDifference } from '../onnx/compareModels';
import { readModel } from '../onnx/readModel';
import { prune } from '../passes/prune';
import type { SessionModel } from '../runtime/Runtime';
import { type Origin, withOrigin } from './origin';
import type { OpenedComponent } from './Pipeline';
import type { Edit } from './Variant';

export interface FileCheckOptions extends CompareOptions {
  /** What the file is to say of itself; the pruned graph's own metadata alone when absent. */
  readonly origin?: Origin | undefined;
}

/** Throws `engine/verification-failed` where the graph or a tensor differs, and what reading throws. */
export async function checkStudentFile(
  { modelOf, tree, externalData }: Pick<OpenedComponent, 'modelOf' | 'tree' | 'externalData'>,
  { plan, weights }: Edit,
  file: SessionModel,
  { origin, ...options }: FileCheckOptions = {},
): Promise<void> {
  const written = readModel(file.modelBytes);
  checkModel(written);
  const pruned = prune(modelOf(weights), tree, plan);
  const difference = await modelDifference(
    { model: origin ? withOrigin(pruned, origin) : pruned, sources: externalData },
    { model: written, sources: file.externalData },
    options,
  );
  if (difference === undefined) return;
  throw new StudioError(
    'engine/verification-failed',
    `${file.what} is not the pruned model: ${difference}. It was not kept.`,
    { difference },
  );
}
