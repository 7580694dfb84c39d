/** `--vbench` and `--frame-model`: scores of the clips themselves by VBench's formulas. */
import { basename, dirname } from 'node:path';
import { StudioError } from '../errors/StudioError';
import { nodeFolder } from '../library/nodeFolder';
import type { Summary } from '../metrics/summarise';
import type { ScoreModels } from '../metrics/vbench/videoScores';
import type { Runtime } from '../runtime/Runtime';
import { type FrameModel, type FrameRange, frameRanges, openFrameModel } from '../studio/frameModels';
import { type ScoredSides, type ScoreName, scoreNames } from '../studio/scoreCollector';
import { percent, table } from './table';

export const scoreOptions = {
  vbench: { type: 'boolean' },
  'frame-model': { type: 'string', multiple: true },
} as const;

export const scoreHelp = `  --vbench            also the scores of each side's clips by VBench's formulas that need no weights; motion smoothness and
                      dynamic degree by the studio's own optical flow, which makes them proxies
  --frame-model FILE[=RANGE]
                      ONNX in the place of VBench's own models, known by its graph: one picture to features (subject or
                      background consistency), two to a flow (dynamic degree), two to the frame between (motion
                      smoothness). RANGE: ${frameRanges.join(', ')} (default: the first)`;

interface ScoreValues {
  readonly vbench?: boolean;
  readonly 'frame-model'?: readonly string[];
}

export interface ScoreChoice {
  readonly models: readonly { readonly path: string; readonly range: FrameRange }[];
}

/** Undefined where no scores are asked for. Throws `cli/usage`. */
export function readScoreOptions({ vbench, 'frame-model': given = [] }: ScoreValues): ScoreChoice | undefined {
  if (!vbench && given.length === 0) return undefined;
  const models = given.map((text) => {
    const named = /^(.+)=([^=]+)$/.exec(text);
    const range = frameRanges.find((known) => known === (named?.[2] ?? frameRanges[0]));
    if (!range) throw new StudioError('cli/usage', `A range is one of ${frameRanges.join(', ')}, not "${named?.[2]}".`);
    return { path: named?.[1] ?? text, range };
  });
  return { models };
}

export interface OpenedScores {
  readonly models: ScoreModels;
  release(): Promise<void>;
}

/** The caller releases them. Throws as `openFrameModel`, and `cli/usage` for two of a kind. */
export async function openScoreModels({ models }: ScoreChoice, runtime: Runtime): Promise<OpenedScores> {
  const opened: FrameModel[] = [];
  const release = async () => {
    for (const model of opened) await model.release();
  };
  try {
    for (const { path, range } of models)
      opened.push(await openFrameModel(await nodeFolder(dirname(path)), basename(path), runtime, range));
    const kinds = opened.flatMap((model) => Object.keys(model.models));
    if (new Set(kinds).size < kinds.length)
      throw new StudioError('cli/usage', 'Two of the --frame-model files do the same: give one of each kind.');
    return { models: Object.assign({}, ...opened.map((model) => model.models)) as ScoreModels, release };
  } catch (thrown) {
    await release();
    throw thrown;
  }
}

const titles: Readonly<Record<ScoreName, string>> = {
  temporalFlickering: 'temporal flickering',
  motionSmoothness: 'motion smoothness',
  motionMagnitude: 'motion magnitude',
  warpingError: 'warping error',
  frameConsistency: 'subject or background consistency',
};

/** A frozen clip has the best scores of all but the two of motion. */
export function scoresText(scored: ScoredSides | undefined, names: readonly string[]): string {
  if (!scored) return '';
  const { by, sides } = scored;
  const cell = (summary: Summary | null) => (summary ? summary.mean.toPrecision(4) : '');
  const shown = scoreNames.filter((name) => sides.some(({ scores }) => scores[name] !== null));
  const rows = [
    ...shown.map((name) => [titles[name], ...sides.map(({ scores }) => cell(scores[name]))]),
    ['dynamic degree', ...sides.map(({ dynamicDegree }) => percent(dynamicDegree))],
  ];
  const looked = [
    `Smoothness: ${by.midpoint}.`,
    `Flow: ${by.flow}.`,
    ...(by.features ? [`Features: ${by.features}.`] : []),
  ];
  return `\nThe clips themselves, by VBench's formulas\n${table(
    ['', ...names],
    rows,
    names.map((_, index) => index + 1),
  )}${looked.join(' ')}\nA clip that stands still scores best in all but dynamic degree and motion magnitude.\n`;
}
