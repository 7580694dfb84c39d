/**
 * A written student against the studio's preview of the same edit. Its graph must be the pruned one and its weights those
 * of the component byte for byte (`checkStudentFile`), and one call must give what the gated session gives, under equal
 * optimisation. The page and the command line share this.
 */

import { NOTHING_DROPPED } from '../blocks/plan';
import { StudioError } from '../errors/StudioError';
import { firstOutput } from '../onnx/graph';
import { outputDifference } from '../runtime/outputDifference';
import type { Feeds, SessionModel } from '../runtime/Runtime';
import { floatValues, outputNamed } from '../runtime/tensors';
import { checkStudentFile } from './checkStudentFile';
import { requireFinite } from './notFinite';
import type { Origin } from './origin';
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
  /** Whether the runtime's optimisations were off on both sides, as they had to be for the two to agree. */
  readonly unoptimised: boolean;
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
  readonly edit: Edit;
  readonly student: Float32Array;
  readonly teacher: Float32Array;
}

/** Throws `engine/run-failed` where the model itself does not run on these inputs, `engine/not-finite` where it gives no numbers. */
export async function previewStudent(
  pipeline: Pick<Pipeline, 'createSession'>,
  component: OpenedComponent,
  feeds: Feeds,
  edit: Edit,
): Promise<Preview> {
  const output = outputOf(component);
  const run = async (of: Edit, whose: string): Promise<Float32Array> => {
    const values = floatValues(outputNamed(await component.run(of, feeds, [output]), output));
    await requireFinite(pipeline, component, { edit: of, feeds, values, where: whose });
    return values;
  };
  return { feeds, edit, teacher: await run(ORIGINAL, 'The teacher'), student: await run(edit, 'The student') };
}

const ORIGINAL: Edit = { plan: NOTHING_DROPPED, weights: 'original' };

const outputOf = ({ file }: OpenedComponent): string => firstOutput(file.model.graph).name;

export interface VerifyOptions {
  readonly signal?: AbortSignal | undefined;
  /** What the file is to say of itself. */
  readonly origin?: Origin | undefined;
  /** Called between loading the file and running it. */
  readonly loaded?: () => void;
}

/** Throws `engine/verification-failed`, and what reading, loading and running the file throw. */
export async function verifyStudent(
  pipeline: Pick<Pipeline, 'createSession'>,
  component: OpenedComponent,
  preview: Preview,
  file: SessionModel,
  { signal, origin, loaded }: VerifyOptions = {},
): Promise<StudentCheck> {
  const { edit, feeds, student, teacher } = preview;
  await checkStudentFile(component, edit, file, { signal, origin });
  const output = outputOf(component);
  const runFile = async (model: SessionModel): Promise<Float32Array> => {
    const session = await pipeline.createSession(model);
    loaded?.();
    try {
      return floatValues(outputNamed(await session.run(feeds, [output]), output));
    } finally {
      await session.release();
    }
  };
  const scale = student.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const tolerance = TOLERANCES[precisionOf(component)] * Math.max(1, scale);
  let difference = outputDifference(await runFile(file), student);
  // Quantised graphs are fused otherwise inside a branch than outside of one, and then compute something else.
  const unoptimised = !(difference.max <= tolerance);
  if (unoptimised) {
    const gated = floatValues(outputNamed(await component.runUnoptimised(edit, feeds, [output]), output));
    difference = outputDifference(await runFile({ ...file, unoptimised: true }), gated);
  }
  if (!(difference.max <= tolerance)) throw outputFailure(file.what, difference.max, scale);
  const cutEffect = outputDifference(teacher, student).max;
  return { maxDifference: difference.max, meanDifference: difference.mean, cutEffect, scale, unoptimised };
}

function outputFailure(what: string, maxDifference: number, scale: number): StudioError {
  const by = Number.isFinite(maxDifference)
    ? `differs from the preview by ${maxDifference.toExponential(1)}`
    : 'gives values that are not finite (NaN or Inf), or another number of them';
  return new StudioError(
    'engine/verification-failed',
    `${what} ${by}, where the output reaches ${scale.toPrecision(3)}. It was not kept.`,
    { maxDifference, scale },
  );
}
