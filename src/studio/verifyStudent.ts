/** A written student against the gated session's preview of the same edit, on one call of the component. */
import { StudioError } from '../errors/StudioError';
import { outputDifference } from '../runtime/outputDifference';
import type { Feeds, SessionModel } from '../runtime/Runtime';
import { floatValues } from '../runtime/tensors';
import type { OpenedComponent, Pipeline } from './Pipeline';
import type { Edit } from './Variant';

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

function precisionOf({ types }: OpenedComponent): keyof typeof TOLERANCES {
  return [...types.values()].some(({ dataType }) => dataType === 'float16' || dataType === 'bfloat16')
    ? 'float16'
    : 'float32';
}

/** One output of the gated session: under an edit, and of the teacher. */
export interface Preview {
  readonly feeds: Feeds;
  readonly student: Float32Array;
  readonly teacher: Float32Array;
}

/** Throws `engine/run-failed` where the model itself does not run on these inputs. */
export async function previewStudent(component: OpenedComponent, feeds: Feeds, edit: Edit): Promise<Preview> {
  const output = outputOf(component);
  const teacher = floatValues((await component.run(ORIGINAL, feeds, [output]))[output]!);
  return { feeds, teacher, student: floatValues((await component.run(edit, feeds, [output]))[output]!) };
}

const ORIGINAL: Edit = { plan: { dropped: [] }, weights: 'original' };

const outputOf = ({ file }: OpenedComponent): string => file.model.graph.outputs[0]!.name;

/** `loaded` is called between loading the file and running it. Throws `engine/verification-failed`, and what loading and running the file throw. */
export async function verifyStudent(
  { createSession }: Pipeline,
  component: OpenedComponent,
  { feeds, student, teacher }: Preview,
  file: SessionModel,
  loaded?: () => void,
): Promise<StudentCheck> {
  const session = await createSession(file);
  loaded?.();
  let written: Float32Array;
  try {
    const output = outputOf(component);
    written = floatValues((await session.run(feeds, [output]))[output]!);
  } finally {
    await session.release();
  }
  const { max: maxDifference, mean: meanDifference } = outputDifference(written, student);
  const scale = student.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  if (!(maxDifference <= TOLERANCES[precisionOf(component)] * Math.max(1, scale))) {
    throw new StudioError(
      'engine/verification-failed',
      `${file.what} differs from the preview by ${maxDifference.toExponential(1)}, where the output reaches ${scale.toPrecision(3)}. It was not kept.`,
      { maxDifference, scale },
    );
  }
  return { maxDifference, meanDifference, cutEffect: outputDifference(teacher, student).max, scale };
}
