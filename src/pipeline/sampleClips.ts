/**
 * The sampling loop: teacher and student advance step by step together from the same noise, so that both previews
 * and the metrics move while sampling. It calls back for every denoiser run; it knows no runtime, text or pixels.
 */

import type { Branch } from './guidance';
import { branchesFor, guide } from './guidance';
import type { Scheduler, StepResult } from './schedulers/Scheduler';
import { applyStep } from './schedulers/Scheduler';
import { seededNoise } from './seededNoise';

/** The caller's name for one of the clips that are sampled together. */
export type SampledSide = string;

/**
 * One denoiser call per entry of `branches` (or one batched call), on the same `latent`, which is already scaled
 * for the denoiser and must not be kept or changed. Returns the outputs in the order of `branches`.
 */
export type Denoise = (
  side: SampledSide,
  latent: Float32Array,
  timestep: number,
  branches: readonly Branch[],
) => Promise<readonly Float32Array[]>;

export interface SampleRequest {
  readonly scheduler: Scheduler;
  /** Which sides to sample, in the order they run within a step. */
  readonly sides: readonly SampledSide[];
  /** Values in one latent clip. */
  readonly latentLength: number;
  readonly seed: number;
  /** 1: no guidance. */
  readonly guidance: number;
  readonly denoise: Denoise;
  /** A side's results of an earlier run with equal settings, one per step: replayed, never denoised again. */
  readonly kept?: Partial<Record<SampledSide, readonly StepResult[]>>;
  readonly signal?: AbortSignal;
}

export interface SampledStep {
  /** 1 .. steps: how many are done. */
  readonly step: number;
  readonly steps: number;
  /** Per sampled side: the latent after this step, and the clean latent it points at (a better preview). */
  readonly sides: Readonly<Partial<Record<SampledSide, StepResult>>>;
  /** Time spent in `denoise`, per side that was not replayed. */
  readonly denoiseMs: Readonly<Partial<Record<SampledSide, number>>>;
}

/** Streams of the seed: 0 is the first latent, 1 + i the noise that step i adds. */
const STEP_NOISE_STREAM = 1;

/** Throws an AbortError DOMException once `signal` is aborted; looked at before every denoiser call. */
export async function* sampleClips(request: SampleRequest): AsyncGenerator<SampledStep, void, void> {
  const { scheduler, latentLength, seed, sides } = request;
  const steps = scheduler.steps.length;
  const start = seededNoise(seed, latentLength).map((value) => value * scheduler.initialNoiseScale);
  const states: Partial<Record<SampledSide, StepResult>> = {};
  for (const [index, step] of scheduler.steps.entries()) {
    const noise = step.noise === 0 ? undefined : seededNoise(seed, latentLength, STEP_NOISE_STREAM + index);
    const denoiseMs: Partial<Record<SampledSide, number>> = {};
    for (const side of sides) {
      throwIfAborted(request.signal);
      const kept = request.kept?.[side]?.[index];
      if (kept) {
        states[side] = kept;
        continue;
      }
      const before = states[side];
      const latent = before?.latent ?? start;
      const startMs = performance.now();
      const outputs = await request.denoise(
        side,
        latent.map((value) => value * step.inputScale),
        step.timestep,
        branchesFor(request.guidance),
      );
      denoiseMs[side] = performance.now() - startMs;
      const output = guide(outputs, request.guidance);
      states[side] = applyStep(step, { latent, output, previous: before, noise });
    }
    throwIfAborted(request.signal);
    yield { step: index + 1, steps, sides: { ...states }, denoiseMs };
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new DOMException('The sampling was cancelled.', 'AbortError');
}
