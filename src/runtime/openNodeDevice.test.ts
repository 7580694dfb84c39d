/**
 * The runtime that is given back computes where it was asked to: seen by what onnxruntime is told for each session, since
 * on a CPU that stood in for the device the figures would be right too.
 */
import { InferenceSession } from 'onnxruntime-node';
import { afterEach, expect, it, vi } from 'vitest';
import { softwareVulkan } from '../onnx/testing/softwareVulkan';
import { openNodeDevice } from './openNodeDevice';
import { tinyConvolution } from './selfTest/builtInGraphs';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** What the sessions of a device are made with. */
async function providersOf(device: 'cpu' | 'webgpu'): Promise<unknown> {
  const create = vi.spyOn(InferenceSession, 'create');
  const runtime = await openNodeDevice(device);
  create.mockClear();
  const session = await runtime.createSession({
    what: 'tiny',
    modelBytes: tinyConvolution(),
    externalData: new Map(),
  });
  await session.release();
  return (create.mock.calls as unknown as [unknown, InferenceSession.SessionOptions][])[0]![1].executionProviders;
}

it('makes sessions of the CPU for the CPU', async () => {
  expect(await providersOf('cpu')).toEqual(['cpu']);
});

it.skipIf(softwareVulkan === undefined)(
  'makes sessions of WebGPU for WebGPU',
  async () => {
    vi.stubEnv('VK_ICD_FILENAMES', softwareVulkan!);
    expect(await providersOf('webgpu')).toEqual(['webgpu', 'cpu']);
  },
  60_000,
);
