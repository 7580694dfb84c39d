/** A written file against the studio's preview of the same plan: both run in onnxruntime on one seeded input. */
import type { Plan } from '../blocks/plan';
import type { LatentSize } from '../pipeline/PipelineDescription';
import type { SessionModel } from '../runtime/Runtime';
import type { Origin } from '../studio/origin';
import { previewComponent } from '../studio/previewComponent';
import { type StudentCheck, verifyStudent } from '../studio/verifyStudent';
import { openPipelineOnDisk } from './openPipelineOnDisk';

export interface Verification extends StudentCheck {
  readonly seed: number;
}

export interface VerifyRequest {
  /** Of the seeded input. */
  readonly seed: number;
  readonly latentSize: LatentSize;
  /** What the file is to say of itself. */
  readonly origin: Origin;
  readonly signal: AbortSignal;
}

/** `original`: path of the .onnx file. Throws `engine/verification-failed`, and what opening and running throw. */
export async function verifyPruned(
  original: string,
  plan: Plan,
  written: SessionModel,
  { seed, latentSize, origin, signal }: VerifyRequest,
): Promise<Verification> {
  const pipeline = await openPipelineOnDisk(original, signal, latentSize);
  try {
    const settings = { ...pipeline.description.defaults, seed };
    const preview = await previewComponent(pipeline, 'denoiser', { plan, weights: 'original' }, settings);
    return { seed, ...(await verifyStudent(pipeline, pipeline.denoiser, preview, written, { signal, origin })) };
  } finally {
    await pipeline.release();
  }
}
