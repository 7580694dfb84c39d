/** A pipeline folder on disk, opened on the CPU or another device. The runtime is loaded here, by the commands that run a model. */

import { nodeFolder } from '../library/nodeFolder';
import type { LatentSize } from '../pipeline/PipelineDescription';
import type { NodeDevice } from '../runtime/nodeDevices';
import type { Pipeline } from '../studio/Pipeline';

/** `path`: a pipeline folder, or one denoiser file. The caller releases it. Throws `gpu/unavailable`. */
export async function openPipelineOnDisk(
  path: string,
  signal: AbortSignal,
  latentSize: LatentSize = {},
  device: NodeDevice = 'cpu',
): Promise<Pipeline> {
  const folder = await nodeFolder(path);
  const [{ openPipeline }, { openNodeDevice }] = await Promise.all([
    import('../studio/openPipeline'),
    import('../runtime/openNodeDevice'),
  ]);
  return openPipeline(folder, await openNodeDevice(device), { signal, latentSize });
}
