/** The runtime of the tab on a device that goes: what its calls reject with. Neither library nor device is real here. */
import type * as Ort from 'onnxruntime-common';
import { expect, it } from 'vitest';
import { createMutex } from './mutex';
import type { RuntimeCall } from './Runtime';
import { webRuntime } from './webRuntime';

/** A session whose runs fail as those of a destroyed device do; `lostAfterMs`: when the device tells. */
async function failingSession(lostAfterMs: number | undefined) {
  const run = () => Promise.reject(new Error("Failed to execute 'mapAsync' on 'GPUBuffer': Buffer was unmapped."));
  const session = { run, release: async () => undefined };
  const ort = { InferenceSession: { create: async () => session } } as unknown as typeof Ort;
  let tell: (info: { message: string }) => void = () => undefined;
  const device = { lost: new Promise((resolve) => (tell = resolve)), limits: {} } as unknown as GPUDevice;
  const calls: (RuntimeCall | undefined)[] = [];
  const runtime = webRuntime({
    ort,
    exclusively: createMutex(),
    build: 'webgpu',
    device,
    onBusy: (busy, call) => busy && calls.push(call),
  });
  const made = await runtime.createSession({
    what: 'a graph',
    modelBytes: new Uint8Array(8),
    externalData: new Map(),
    macs: ({ x }) => 100 * (x?.dims[1] ?? 0),
  });
  if (lostAfterMs !== undefined) setTimeout(() => tell({ message: 'destroyed' }), lostAfterMs);
  return { made, calls };
}

it('calls a failure a lost device that is told to be lost a little later', async () => {
  const { made } = await failingSession(30);
  await expect(made.run({}, [])).rejects.toMatchObject({ code: 'gpu/lost' });
});

it('leaves a failure what it is on a device that stays', async () => {
  const { made } = await failingSession(undefined);
  await expect(made.run({}, [])).rejects.toMatchObject({ code: 'engine/run-failed' });
});

it('names calls by model and sizes, with the bytes of the weights and the work of a run', async () => {
  const { made, calls } = await failingSession(0);
  const x = { dataType: 'float32', dims: [1, 2], data: new Float32Array(2) } as const;
  await made.run({ x }, []).catch(() => undefined);
  expect(calls).toEqual([
    { kind: 'session a graph', weightBytes: 8 },
    { kind: 'run a graph on 1x2', weightBytes: 8, macs: 200 },
  ]);
});

it('rejects a run at once when its device goes, and lets nobody into the runtime before that run has come back', async () => {
  let comeBack: (outputs: object) => void = () => undefined;
  let created = 0;
  const run = () => new Promise((resolve) => (comeBack = resolve));
  const create = async () => (created++, { run, release: async () => undefined });
  const ort = { InferenceSession: { create } } as unknown as typeof Ort;
  let tell: (info: { message: string }) => void = () => undefined;
  const device = { lost: new Promise((resolve) => (tell = resolve)), limits: {} } as unknown as GPUDevice;
  const exclusively = createMutex();
  const model = { what: 'a graph', modelBytes: new Uint8Array(8), externalData: new Map() };
  const session = await webRuntime({ ort, exclusively, build: 'webgpu', device }).createSession(model);
  const running = session.run({}, []);
  await Promise.resolve();
  tell({ message: 'destroyed' });
  await expect(running).rejects.toMatchObject({ code: 'gpu/lost' });
  const next = webRuntime({ ort, exclusively, build: 'webgpu' }).createSession(model); // of another backend
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(created).toBe(1);
  comeBack({});
  await next;
  expect(created).toBe(2);
});
