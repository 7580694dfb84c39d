/**
 * The device that the command line computes on. One that is not the CPU counts only after it has given the CPU's numbers
 * on a small graph; it never falls back in silence.
 */
import { StudioError } from '../errors/StudioError';
import type { NodeDevice } from './nodeDevices';
import { nodeRuntime } from './nodeRuntime';
import type { Runtime } from './Runtime';
import { distrustedOperators } from './selfTest/fusedOperators';
import { selfTest } from './selfTest/selfTest';

const hints: Readonly<Record<NodeDevice, string>> = {
  cpu: '',
  webgpu: 'A graphics driver with Vulkan, Metal or Direct3D 12 is needed.',
  cuda: 'CUDA 12 with cuDNN 9 is needed, and the CUDA files of onnxruntime-node: run "node node_modules/onnxruntime-node/script/install" without ONNXRUNTIME_NODE_INSTALL=skip.',
};

/** Throws `gpu/unavailable` where there is no such device, `engine/self-test-failed` where it computes wrongly. */
export async function openNodeDevice(device: NodeDevice): Promise<Runtime> {
  const cpu = nodeRuntime();
  if (device === 'cpu') return cpu;
  const untested = nodeRuntime({ device });
  try {
    await selfTest(untested, cpu, 'the CPU');
    return nodeRuntime({ device, distrusted: await distrustedOperators(untested) });
  } catch (thrown) {
    const error = StudioError.from(thrown);
    if (error.code === 'engine/self-test-failed') throw error;
    throw new StudioError(
      'gpu/unavailable',
      `--device ${device}: ${error.message} ${hints[device]}`,
      { device },
      { cause: thrown },
    );
  }
}
