/** Everything that is measured on a teacher's and a student's clip, in one call. */
import type { Clip, ClipComparison } from './Clip';
import { clipError } from './clipError';
import { clipFlow } from './clipFlow';
import { splitError } from './errorSplit';
import { flickerPerTransition, flickerScore } from './flicker';
import { flowAgreement } from './flowAgreement';
import { lumaFrames } from './luma';
import { motionDelta } from './motionDelta';
import { motionMagnitude, motionMagnitudePerTransition } from './motionMagnitude';
import { psnrPerFrame } from './psnr';
import { ssim } from './ssim';

/** Clips must have one size. Neither may be changed afterwards (their flow is remembered, see `clipFlow`). */
export function compareClips(teacher: Clip, student: Clip): ClipComparison {
  const error = clipError(teacher, student);
  const split = splitError(error.values, { groups: 1, frames: error.frames, inner: error.frameLength });
  const studentLuma = lumaFrames(student);
  return {
    content: {
      psnrPerFrame: psnrPerFrame(error),
      ssimPerFrame: lumaFrames(teacher).map((frame, t) => ssim(frame, studentLuma[t]!)),
      errorContent: split.content,
    },
    motion: {
      errorMotion: split.motion,
      errorMotionPerFrame: split.motionPerFrame,
      motionDelta: motionDelta(teacher, error),
      ...motionOf(teacher, student),
    },
    meanSquaredError: split.total,
  };
}

function motionOf(teacher: Clip, student: Clip) {
  const flows = { teacher: clipFlow(teacher), student: clipFlow(student) };
  const agreement = flowAgreement(flows.teacher, flows.student);
  const flicker = { teacher: flickerPerTransition(teacher), student: flickerPerTransition(student) };
  const magnitude = {
    teacher: motionMagnitudePerTransition(teacher, flows.teacher),
    student: motionMagnitudePerTransition(student, flows.student),
  };
  return {
    flowEpePerTransition: agreement.epePerTransition,
    flowMagnitudeRatio: agreement.magnitudeRatio,
    flowDirectionCosine: agreement.directionCosine,
    flicker: { teacher: flickerScore(flicker.teacher), student: flickerScore(flicker.student) },
    motionMagnitude: { teacher: motionMagnitude(magnitude.teacher), student: motionMagnitude(magnitude.student) },
    flickerPerTransition: flicker,
    motionMagnitudePerTransition: magnitude,
  };
}
