/** A pipeline folder on disk, opened on the CPU. The runtime is loaded here, by the commands that run a model. */
import type { LatentSize } from '../diffusion/PipelineDescription';
import type { PipelineRunner } from '../engine/openPipeline';
import { nodeFolder } from '../library/nodeFolder';

/** `path`: a pipeline folder, or one denoiser file. The caller releases it. */
export async function openPipelineOnDisk(path: string, signal: AbortSignal, latentSize: LatentSize = {}): Promise<PipelineRunner> {
  const folder = await nodeFolder(path);
  const [{ openPipeline }, { nodeRuntime }] = await Promise.all([import('../engine/openPipeline'), import('../engine/runtime/nodeRuntime')]);
  return openPipeline(folder, nodeRuntime(), { signal, latentSize });
}
