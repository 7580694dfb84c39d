/** A pipeline folder on disk, opened on the CPU. The runtime is loaded here, by the commands that run a model. */

import { nodeFolder } from '../library/nodeFolder';
import type { LatentSize } from '../pipeline/PipelineDescription';
import type { Pipeline } from '../studio/Pipeline';

/** `path`: a pipeline folder, or one denoiser file. The caller releases it. */
export async function openPipelineOnDisk(
  path: string,
  signal: AbortSignal,
  latentSize: LatentSize = {},
): Promise<Pipeline> {
  const folder = await nodeFolder(path);
  const [{ openPipeline }, { nodeRuntime }] = await Promise.all([
    import('../studio/openPipeline'),
    import('../runtime/nodeRuntime'),
  ]);
  return openPipeline(folder, nodeRuntime(), { signal, latentSize });
}
