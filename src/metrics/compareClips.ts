/** Everything that is measured on a reference's and a candidate's clip, in one call. */
import { present } from '../errors/present';
import type { Clip, ClipComparison } from './Clip';
import { clipError } from './clipError';
import { clipFlow, flowInSlices } from './clipFlow';
import { splitError } from './errorSplit';
import { flickerPerTransition, flickerScore } from './flicker';
import { flowAgreement } from './flowAgreement';
import { lumaFrames } from './luma';
import { motionDelta } from './motionDelta';
import { motionMagnitude, motionMagnitudePerTransition } from './motionMagnitude';
import { psnrPerFrame } from './psnr';
import { ssim } from './ssim';

/** Clips must have one size. Neither may be changed afterwards (their flow is remembered, see `clipFlow`). */
export function compareClips(reference: Clip, candidate: Clip): ClipComparison {
  const slices = comparisonInSlices(reference, candidate);
  for (;;) {
    const slice = slices.next();
    if (slice.done) return slice.value;
  }
}

/** The same in slices of about a frame: `pause` is awaited between them, and ends the work by throwing. */
export async function compareClipsInSlices(
  reference: Clip,
  candidate: Clip,
  pause: () => Promise<void>,
): Promise<ClipComparison> {
  const slices = comparisonInSlices(reference, candidate);
  for (;;) {
    const slice = slices.next();
    if (slice.done) return slice.value;
    await pause();
  }
}

function* comparisonInSlices(reference: Clip, candidate: Clip): Generator<void, ClipComparison, void> {
  const error = clipError(reference, candidate);
  const split = splitError(error.values, { groups: 1, frames: error.frames, inner: error.frameLength });
  yield;
  const referenceLuma = lumaFrames(reference);
  const candidateLuma = lumaFrames(candidate);
  const ssimPerFrame: number[] = [];
  for (const [t, frame] of referenceLuma.entries()) {
    ssimPerFrame.push(ssim(frame, present(candidateLuma[t])));
    yield;
  }
  yield* flowInSlices(reference);
  yield* flowInSlices(candidate);
  return {
    content: {
      psnrPerFrame: psnrPerFrame(error),
      ssimPerFrame,
      errorContent: split.content,
    },
    motion: {
      errorMotion: split.motion,
      errorMotionPerFrame: split.motionPerFrame,
      motionDelta: motionDelta(reference, error),
      ...motionOf(reference, candidate),
    },
    meanSquaredError: split.total,
  };
}

function motionOf(reference: Clip, candidate: Clip) {
  const flows = { reference: clipFlow(reference), candidate: clipFlow(candidate) };
  const agreement = flowAgreement(flows.reference, flows.candidate);
  const flicker = { reference: flickerPerTransition(reference), candidate: flickerPerTransition(candidate) };
  const magnitude = {
    reference: motionMagnitudePerTransition(reference, flows.reference),
    candidate: motionMagnitudePerTransition(candidate, flows.candidate),
  };
  return {
    flowEpePerTransition: agreement.epePerTransition,
    flowMagnitudeRatio: agreement.magnitudeRatio,
    flowDirectionCosine: agreement.directionCosine,
    flicker: { reference: flickerScore(flicker.reference), candidate: flickerScore(flicker.candidate) },
    motionMagnitude: {
      reference: motionMagnitude(magnitude.reference),
      candidate: motionMagnitude(magnitude.candidate),
    },
    flickerPerTransition: flicker,
    motionMagnitudePerTransition: magnitude,
  };
}
