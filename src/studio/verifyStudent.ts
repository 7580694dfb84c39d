/** A written student against the gated session's preview of the same plan, on one denoiser call. */
import type { Plan } from '../blocks/block';
import { StudioError } from '../errors/StudioError';
import type { DenoiserCall } from '../pipeline/denoiserInputs';
import { outputDifference } from '../runtime/outputDifference';
import type { SessionModel } from '../runtime/Runtime';
import { floatValues } from '../runtime/tensors';
import type { OpenedParts } from './OpenedParts';

export interface StudentCheck {
  /** Largest and mean |file - preview| over one denoiser output. */
  readonly maxDifference: number;
  readonly meanDifference: number;
  /** Largest |teacher - preview|: what the cut does, to compare the difference with. */
  readonly cutEffect: number;
  /** Largest |preview|. */
  readonly scale: number;
}

/**
 * What two runs of one computation may differ by, relative to the output's largest value: the runtime fuses and orders
 * a gated graph otherwise than a pruned one, and each rounding on the way can fall the other way.
 */
const TOLERANCES = { float32: 1e-4, float16: 1e-2 } as const;

function precisionOf({ types }: OpenedParts): keyof typeof TOLERANCES {
  return [...types.values()].some(({ dataType }) => dataType === 'float16' || dataType === 'bfloat16')
    ? 'float16'
    : 'float32';
}

/** One denoiser output of the gated session: under a plan, and with everything on. */
export interface Preview {
  readonly call: DenoiserCall;
  readonly student: Float32Array;
  readonly teacher: Float32Array;
}

/** Throws `engine/run-failed` where the model itself does not run on this call. */
export async function previewStudent(parts: OpenedParts, call: DenoiserCall, plan: Plan): Promise<Preview> {
  const teacher = floatValues(await parts.runDenoiser(call, { dropped: [] }));
  return { call, teacher, student: floatValues(await parts.runDenoiser(call, plan)) };
}

/** `loaded` is called between loading the file and running it. Throws `engine/verification-failed`, and what loading and running the file throw. */
export async function verifyStudent(
  parts: OpenedParts,
  { call, student, teacher }: Preview,
  file: SessionModel,
  loaded?: () => void,
): Promise<StudentCheck> {
  const session = await parts.createSession(file);
  loaded?.();
  let written: Float32Array;
  try {
    const output = parts.denoiser.model.graph.outputs[0]!.name;
    written = floatValues((await session.run(parts.inputs.feeds(call), [output]))[output]!);
  } finally {
    await session.release();
  }
  const { max: maxDifference, mean: meanDifference } = outputDifference(written, student);
  const scale = student.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  if (!(maxDifference <= TOLERANCES[precisionOf(parts)] * Math.max(1, scale))) {
    throw new StudioError(
      'engine/verification-failed',
      `${file.what} differs from the preview by ${maxDifference.toExponential(1)}, where the output reaches ${scale.toPrecision(3)}. It was not kept.`,
      { maxDifference, scale },
    );
  }
  return { maxDifference, meanDifference, cutEffect: outputDifference(teacher, student).max, scale };
}
