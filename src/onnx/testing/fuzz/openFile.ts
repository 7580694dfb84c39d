/** All that the studio does with a file before anything runs: read, check, infer, discover, write. */
import { discoverBlocks } from '../../../blocks/discoverBlocks';
import { StudioError } from '../../../errors/StudioError';
import { checkModel } from '../../checkModel';
import { readModel } from '../../readModel';
import { inferShapes } from '../../shapes/inferShapes';
import { writeModel } from '../../writeModel';

/** `defect`: the text of what should not have happened. */
export type Outcome =
  | { readonly kind: 'fine' }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'defect'; readonly text: string };

/** Never throws. A file may be refused with a StudioError; whatever is read must be written so that it reads the same. */
export function openFile(bytes: Uint8Array): Outcome {
  try {
    const model = readModel(bytes);
    const written = writeModel(model);
    if (Buffer.compare(writeModel(readModel(written)), written) !== 0)
      return { kind: 'defect', text: 'What was written reads as something else.' };
    checkModel(model);
    inferShapes(model);
    discoverBlocks(model, { bindings: new Map([['frames', 4]]) });
    return { kind: 'fine' };
  } catch (thrown) {
    if (thrown instanceof StudioError && thrown.code !== 'internal') return { kind: 'refused', code: thrown.code };
    return { kind: 'defect', text: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) };
  }
}
