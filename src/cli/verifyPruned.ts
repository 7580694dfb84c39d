/** A written file against the studio's preview of the same plan: both run in onnxruntime on one seeded input. */
import { readFile } from 'node:fs/promises';
import type { Plan } from '../blocks/block';
import { latentLength } from '../diffusion/latentFrames';
import { seededNoise } from '../diffusion/seededNoise';
import { floatValues } from '../engine/runtime/tensors';
import { StudioError } from '../errors/StudioError';
import { externalSources, readModelFile } from './modelFile';
import { openPipelineOnDisk } from './openPipelineOnDisk';

export interface Verification {
  readonly seed: number;
  /** Largest |file - preview|. */
  readonly maxDifference: number;
  /** Largest |whole model - file|: what the cut does, to compare the difference with. */
  readonly cutEffect: number;
  /** Largest |file|. */
  readonly scale: number;
}

/** Relative to the output's largest value. */
const tolerance = 1e-4;

/** `original` and `written` are .onnx files. Throws `engine/verification-failed`, and what opening and running throw. */
export async function verifyPruned(original: string, written: string, plan: Plan, seed: number, signal: AbortSignal): Promise<Verification> {
  const pipeline = await openPipelineOnDisk(original, signal);
  try {
    const { parts, description } = pipeline;
    const latent = seededNoise(seed, latentLength(description.latent));
    const call = { latent, timestep: 500, branches: ['conditional' as const], guidance: 1, text: {} };
    const teacher = floatValues(await parts.runDenoiser(call, { dropped: [] }));
    const preview = floatValues(await parts.runDenoiser(call, plan));
    signal.throwIfAborted();
    const modelBytes = await readFile(written);
    const session = await parts.createSession({ what: written, modelBytes, externalData: await externalSources(written, await readModelFile(written)) });
    try {
      const output = parts.denoiser.model.graph.outputs[0]!.name;
      const file = floatValues((await session.run(parts.inputs.feeds(call), [output]))[output]!);
      return judge({ seed, maxDifference: largestDifference(file, preview), cutEffect: largestDifference(teacher, file), scale: file.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) });
    } finally {
      await session.release();
    }
  } finally {
    await pipeline.release();
  }
}

function judge(verification: Verification): Verification {
  const { maxDifference, scale } = verification;
  if (maxDifference <= tolerance * Math.max(1, scale)) return verification;
  throw new StudioError('engine/verification-failed', `The file differs from the preview by ${maxDifference.toExponential(1)}, where the output reaches ${scale.toPrecision(3)}. It was removed.`, { maxDifference, scale });
}

/** NaN where either side is not a number. */
function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
