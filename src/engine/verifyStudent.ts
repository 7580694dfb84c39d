/** A written student against the gated session's preview of the same plan, on one denoiser call. */
import type { Plan } from '../blocks/block';
import { StudioError } from '../errors/StudioError';
import type { DenoiserCall } from './denoiserInputs';
import type { OpenedParts } from './OpenedParts';
import { outputDifference } from './outputDifference';
import type { SessionModel } from './runtime/Runtime';
import { floatValues } from './runtime/tensors';

export interface StudentCheck {
  /** Largest and mean |file - preview| over one denoiser output. */
  readonly maxDifference: number;
  readonly meanDifference: number;
  /** Largest |teacher - preview|: what the cut does, to compare the difference with. */
  readonly cutEffect: number;
  /** Largest |preview|. */
  readonly scale: number;
}

/** Relative to the output's largest value. */
const TOLERANCE = 1e-4;

/** `loaded` is called between loading the file and running it. Throws `engine/verification-failed`, and what loading and running throw. */
export async function verifyStudent(parts: OpenedParts, call: DenoiserCall, plan: Plan, file: SessionModel, loaded?: () => void): Promise<StudentCheck> {
  const preview = floatValues(await parts.runDenoiser(call, plan));
  const teacher = floatValues(await parts.runDenoiser(call, { dropped: [] }));
  const session = await parts.createSession(file);
  loaded?.();
  let written: Float32Array;
  try {
    const output = parts.denoiser.model.graph.outputs[0]!.name;
    written = floatValues((await session.run(parts.inputs.feeds(call), [output]))[output]!);
  } finally {
    await session.release();
  }
  const { max: maxDifference, mean: meanDifference } = outputDifference(written, preview);
  const scale = preview.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  if (!(maxDifference <= TOLERANCE * Math.max(1, scale))) {
    throw new StudioError('engine/verification-failed', `${file.what} differs from the preview by ${maxDifference.toExponential(1)}, where the output reaches ${scale.toPrecision(3)}. It was not kept.`, { maxDifference, scale });
  }
  return { maxDifference, meanDifference, cutEffect: outputDifference(teacher, preview).max, scale };
}
