/** Runs with several outputs, and tensors that stay on the device between runs, by bytes that are moved. */
import type * as Ort from 'onnxruntime-common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { createMutex } from './mutex';
import { nodeRuntime } from './nodeRuntime';
import type { PlainTensor, Runtime, Session } from './Runtime';
import { webRuntime } from './webRuntime';

/** sum = state + x, difference = state - x, both [4]. */
const modelBytes = writeModel(
  buildModel((b) => {
    const state = b.input('state', [4]);
    const x = b.input('x', [4]);
    b.op('Add', [state, x], {}, { outputs: ['sum'] });
    b.op('Sub', [state, x], {}, { outputs: ['difference'] });
    b.output('sum', [4]);
    b.output('difference', [4]);
  }),
);
const TENSOR_BYTES = 16;

const floats = (...values: number[]): PlainTensor => ({
  dataType: 'float32',
  dims: [values.length],
  data: Float32Array.from(values),
});
const state = floats(10, 20, 30, 40);
const x = floats(1, 2, 3, 4);
const sum = floats(11, 22, 33, 44);
const difference = floats(9, 18, 27, 36);

let runtime: Runtime;
let session: Session;
/** Bytes to the runtime and back since they were asked for last. */
let moved: () => readonly [number, number];
beforeAll(async () => {
  runtime = nodeRuntime({ threads: 1 });
  session = await runtime.createSession({
    what: 'two outputs',
    modelBytes,
    externalData: new Map(),
    stayOnDevice: ['sum'],
  });
  let before = { ...runtime.traffic };
  moved = () => {
    const { toDeviceBytes, fromDeviceBytes } = runtime.traffic;
    const now = [toDeviceBytes - before.toDeviceBytes, fromDeviceBytes - before.fromDeviceBytes] as const;
    before = { ...runtime.traffic };
    return now;
  };
});
afterAll(() => session.release());

describe('a run with several outputs', () => {
  it('gives each of those that were asked for under its name, in any order, and no other', async () => {
    expect(await session.run({ state, x }, ['sum', 'difference'])).toEqual({ sum, difference });
    expect(await session.run({ x, state }, ['difference', 'sum'])).toEqual({ sum, difference });
    expect(await session.run({ state, x }, ['difference'])).toEqual({ difference });
  });

  it('gives buffers that are the caller’s own', async () => {
    const first = await session.run({ state, x }, ['sum', 'difference']);
    (first['sum']!.data as Float32Array).fill(0);
    expect(first['difference']).toEqual(difference);
    expect(await session.run({ state, x }, ['sum', 'difference'])).toEqual({ sum, difference });
  });

  it('moves what was fed and what was asked for', async () => {
    moved();
    await session.run({ state, x }, ['sum', 'difference']);
    expect(moved()).toEqual([2 * TENSOR_BYTES, 2 * TENSOR_BYTES]);
    await session.run({ state, x }, ['difference']);
    expect(moved()).toEqual([2 * TENSOR_BYTES, TENSOR_BYTES]);
  });
});

describe('a tensor that stays on the device', () => {
  it('is fed to run after run without being moved, and read when it is wanted', async () => {
    moved();
    let { plain, onDevice } = await session.runOnDevice({ state, x }, ['sum', 'difference']);
    expect([plain, Object.keys(onDevice)]).toEqual([{ difference }, ['sum']]);
    expect(moved()).toEqual([2 * TENSOR_BYTES, TENSOR_BYTES]);
    for (let run = 2; run <= 5; run++) {
      const held = onDevice['sum']!;
      ({ onDevice } = await session.runOnDevice({ state: held, x }, ['sum']));
      held.dispose();
      expect([run, ...moved()]).toEqual([run, TENSOR_BYTES, 0]);
    }
    expect(await onDevice['sum']!.read()).toEqual(floats(15, 30, 45, 60));
    expect(moved()).toEqual([0, TENSOR_BYTES]);
    onDevice['sum']!.dispose();
  });

  it('is read as a copy, and is of no use once it was disposed of', async () => {
    const held = (await session.runOnDevice({ state, x }, ['sum'])).onDevice['sum']!;
    ((await held.read()).data as Float32Array).fill(0);
    expect(await held.read()).toEqual(sum);
    held.dispose();
    held.dispose();
    await expect(session.run({ state: held, x }, ['sum'])).rejects.toThrow('disposed of');
  });

  it('comes back after all where the run was no `runOnDevice`', async () => {
    expect((await session.run({ state, x }, ['sum']))['sum']).toEqual(sum);
  });
});

/** A runtime of the tab on a library that says what it is asked for; its tensors count how they are read and freed. */
async function fakeTab(device: GPUDevice | undefined) {
  const options: Ort.InferenceSession.SessionOptions[] = [];
  const happened: string[] = [];
  const tensor = (name: string) => ({
    type: 'float32',
    dims: [1],
    getData: async () => (happened.push(`${name} read`), Float32Array.of(1)),
    dispose: () => void happened.push(`${name} freed`),
  });
  const run = async (feeds: object, fetches: readonly string[]) => {
    happened.push(`run on ${Object.keys(feeds).join()}`);
    return Object.fromEntries(fetches.map((name) => [name, tensor(name)]));
  };
  const create = async (_: unknown, given: Ort.InferenceSession.SessionOptions) => {
    options.push(given);
    return { run, release: async () => undefined };
  };
  const ort = { InferenceSession: { create }, Tensor: class {} } as unknown as typeof Ort;
  const made = webRuntime({ ort, exclusively: createMutex(), build: 'webgpu', ...(device ? { device } : {}) });
  const model = { what: 'm', modelBytes: new Uint8Array(8), externalData: new Map(), stayOnDevice: ['sum'] };
  return { session: await made.createSession(model), options, happened };
}

describe('in the tab', () => {
  it('what stays is asked for as a buffer of the GPU; what comes back is freed there', async () => {
    const device = { lost: new Promise(() => undefined), limits: {} } as unknown as GPUDevice;
    const { session: tab, options, happened } = await fakeTab(device);
    expect(options[0]).toMatchObject({ preferredOutputLocation: { sum: 'gpu-buffer' } });
    const { onDevice } = await tab.runOnDevice({ x }, ['sum', 'difference']);
    expect(happened).toEqual(['run on x', 'difference read', 'difference freed']);
    await tab.runOnDevice({ state: onDevice['sum']!, x }, ['difference']);
    onDevice['sum']!.dispose();
    expect(happened.slice(3)).toEqual(['run on state,x', 'difference read', 'difference freed', 'sum freed']);
  });

  it('WebAssembly keeps it in its own memory: nothing is asked for', async () => {
    const { options } = await fakeTab(undefined);
    expect(options[0]).not.toHaveProperty('preferredOutputLocation');
  });
});
