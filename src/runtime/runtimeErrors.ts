/** What onnxruntime throws are sentences; here they become the studio's codes, with the sentence kept as a fact. */
import { StudioError } from '../errors/StudioError';

const OUT_OF_MEMORY =
  /bad_alloc|out of memory|OutOfMemory|Aborted\(OOM|Failed to allocate|allocation failed|Cannot enlarge memory|maxBufferSize|exceeds the max(imum)? buffer/i;
const DEVICE_LOST =
  /device (is |was )?lost|DeviceLost|device has been lost|A valid external Instance reference no longer exists/i;
/** 'Could not find an implementation for Foo(1) node with name ...', 'Fatal error: x:Foo(-1) is not a registered function/op'. */
const UNSUPPORTED_OPS = [
  /Could not find an implementation for (?:the node )?([\w.:]+)/i,
  /:?\s([\w.]+:[\w.]+)\(-?\d+\) is not a registered function\/op/i,
  /No Op registered for ([\w.]+)/i,
];

export function sessionError(thrown: unknown, what: string): StudioError {
  if (thrown instanceof StudioError) return thrown;
  const said = messageOf(thrown);
  const shared = sharedError(said, thrown);
  if (shared) return shared;
  for (const pattern of UNSUPPORTED_OPS) {
    const op = pattern.exec(said)?.[1];
    if (op !== undefined) {
      return new StudioError(
        'engine/unsupported-op',
        `The runtime has no operator ${op}, which ${what} uses.`,
        { model: what, op, said },
        { cause: thrown },
      );
    }
  }
  return new StudioError(
    'engine/session-failed',
    `The runtime refused ${what}: ${said}`,
    { model: what, said },
    { cause: thrown },
  );
}

export function runError(thrown: unknown, what: string): StudioError {
  if (thrown instanceof StudioError) return thrown;
  const said = messageOf(thrown);
  return (
    sharedError(said, thrown) ??
    new StudioError('engine/run-failed', `Running ${what} failed: ${said}`, { model: what, said }, { cause: thrown })
  );
}

function sharedError(said: string, cause: unknown): StudioError | undefined {
  if (DEVICE_LOST.test(said)) return lostError(said, cause);
  if (OUT_OF_MEMORY.test(said))
    return new StudioError('gpu/out-of-memory', `The memory did not suffice: ${said}`, { said }, { cause });
  return undefined;
}

export function lostError(said: string, cause?: unknown): StudioError {
  return new StudioError('gpu/lost', 'The GPU device was lost.', { said }, { cause });
}

/** Emscripten throws numbers and bare strings too. */
function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.replace(/\s+/g, ' ').trim();
}
