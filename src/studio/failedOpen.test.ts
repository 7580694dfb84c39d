/**
 * Opens that fail or are cancelled leave nothing behind: every session that was made is released, and the bytes of the
 * model's file are free. So are they once a pipeline is released.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Folder } from '../library/Folder';
import type { ByteSource } from '../onnx/ByteSource';
import { writeModel } from '../onnx/writeModel';
import { nextTask } from '../runtime/nextTask';
import { nodeRuntime } from '../runtime/nodeRuntime';
import type { Runtime, SessionModel } from '../runtime/Runtime';
import { openPipeline } from './openPipeline';
import { attentionModel } from './testing/attentionModel';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** onnxruntime, counted; `fails` is asked before each session. */
function countedRuntime(fails: (count: number) => Error | undefined) {
  const inner = nodeRuntime({ threads: 1 });
  const counts = { made: 0, released: 0 };
  const createSession = async (model: SessionModel) => {
    const failure = fails(counts.made);
    if (failure) throw failure;
    const session = await inner.createSession(model);
    counts.made++;
    const release = async () => {
      counts.released++;
      await session.release();
    };
    return { ...session, release };
  };
  return { counts, runtime: { ...inner, createSession } satisfies Runtime };
}

/** A folder of one graph whose bytes are made anew for every read, and watched. */
function watchedFolder() {
  const given: WeakRef<ArrayBuffer>[] = [];
  const bytes = writeModel(attentionModel());
  const read = async (offset: number, length: number) => {
    const piece = bytes.slice(offset, offset + length);
    given.push(new WeakRef(piece.buffer));
    return piece;
  };
  const source: ByteSource = { sizeBytes: bytes.length, read };
  const folder: Folder = {
    name: 'model.onnx',
    paths: ['model.onnx'],
    has: async (path) => path === 'model.onnx',
    open: async () => source,
  };
  return { folder, given };
}

async function expectCollected(given: readonly WeakRef<ArrayBuffer>[]): Promise<void> {
  expect(given.length).toBeGreaterThan(0);
  for (let round = 0; round < 20; round++) {
    await nextTask();
    collectGarbage();
    if (given.every((reference) => reference.deref() === undefined)) return;
  }
  expect(given.filter((reference) => reference.deref() !== undefined)).toEqual([]);
}

/** Apart from `expect`, which keeps what it was given. */
async function failure(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'none';
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

/** Cancelled while its first session is made. The signal goes with it: its reason knows the stack that it came from. */
function cancelledOpening(folder: Folder, runtime: Runtime): Promise<string> {
  const abort = new AbortController();
  const createSession: Runtime['createSession'] = async (model) => {
    const session = await runtime.createSession(model);
    abort.abort();
    return session;
  };
  return failure(() => openPipeline(folder, { ...runtime, createSession }, { signal: abort.signal }));
}

describe('an opening that fails', () => {
  it('releases its sessions and the bytes of the file: the runtime refuses', async () => {
    const { folder, given } = watchedFolder();
    const { counts, runtime } = countedRuntime(() => new Error('no'));
    expect(await failure(() => openPipeline(folder, runtime))).toBe('no');
    expect(counts).toEqual({ made: 0, released: 0 });
    await expectCollected(given);
  });

  it('releases its sessions and the bytes of the file: cancelled once a session is made', async () => {
    const { folder, given } = watchedFolder();
    const { counts, runtime } = countedRuntime(() => undefined);
    expect(await cancelledOpening(folder, runtime)).toMatch(/abort/);
    expect(counts).toEqual({ made: 1, released: 1 });
    await expectCollected(given);
  });

  it('ten times leaves ten times nothing', async () => {
    const { counts, runtime } = countedRuntime((made) =>
      made % 3 === 2 && asked++ % 2 === 0 ? new Error('no') : undefined,
    );
    let asked = 0;
    for (let time = 0; time < 10; time++) {
      const { folder, given } = watchedFolder();
      await openPipeline(folder, runtime).then(
        (opened) => opened.release(),
        () => undefined,
      );
      await expectCollected(given);
    }
    expect(counts.released).toBe(counts.made);
  });
});

describe('a pipeline that is open', () => {
  it('keeps the bytes of its file once, not once more in its sessions; released, it keeps none', async () => {
    const { folder, given } = watchedFolder();
    const models: WeakRef<ArrayBufferLike>[] = [];
    const inner = nodeRuntime({ threads: 1 });
    const createSession: Runtime['createSession'] = (model) => {
      models.push(new WeakRef(model.modelBytes.buffer));
      return inner.createSession(model);
    };
    let opened: Awaited<ReturnType<typeof openPipeline>> | undefined = await openPipeline(folder, {
      ...inner,
      createSession,
    });
    expect(models).toHaveLength(1);
    await expectCollected(models as WeakRef<ArrayBuffer>[]); // the gated graph that was handed to the runtime
    await opened.release();
    opened = undefined;
    await expectCollected(given);
  });
});
