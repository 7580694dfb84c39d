/** A written file against the studio's preview of the same plan: both run in onnxruntime on one seeded input. */
import { readFile } from 'node:fs/promises';
import type { Plan } from '../blocks/plan';
import { latentLength } from '../pipeline/latentFrames';
import type { LatentSize } from '../pipeline/PipelineDescription';
import { seededNoise } from '../pipeline/seededNoise';
import { previewStudent, type StudentCheck, verifyStudent } from '../studio/verifyStudent';
import { externalSources, readModelFile } from './modelFile';
import { openPipelineOnDisk } from './openPipelineOnDisk';

export interface Verification extends StudentCheck {
  readonly seed: number;
}

/** `original` and `written` are .onnx files; `name` is what `written` is to be called. Throws `engine/verification-failed`, and what opening and running throw. */
export async function verifyPruned(
  original: string,
  written: string,
  name: string,
  plan: Plan,
  seed: number,
  signal: AbortSignal,
  size: LatentSize,
): Promise<Verification> {
  const pipeline = await openPipelineOnDisk(original, signal, size);
  try {
    const { denoiser, inputs, description } = pipeline;
    const latent = seededNoise(seed, latentLength(description.latent));
    const call = { latent, timestep: 500, branches: ['conditional' as const], guidance: 1, text: {} };
    const file = {
      what: name,
      modelBytes: await readFile(written),
      externalData: await externalSources(written, await readModelFile(written)),
    };
    const preview = await previewStudent(pipeline, denoiser, inputs.feeds(call), { plan, weights: 'original' });
    return { seed, ...(await verifyStudent(pipeline, denoiser, preview, file, { signal })) };
  } finally {
    await pipeline.release();
  }
}
