/** What `compare` found, as text for people and as CSV: of one clip in full, of many by their statistics. */
import { present } from '../errors/present';
import type { DisplayName } from '../metrics/colorVideoVdp/parameters';
import { comparedFigures } from '../metrics/comparedFigures';
import type { PairedTimes } from '../metrics/pairedTimes';
import { psnr } from '../metrics/psnr';
import type { Summary } from '../metrics/summarise';
import type { StudentComparison } from '../studio/compareStudents';
import type { FeatureDistances, PairDistances } from '../studio/featureDistances';
import type { GenerateSettings } from '../studio/GenerateSettings';
import type { ScoredSides } from '../studio/scoreCollector';
import { costTable, type StudentTotals } from './costTable';
import { describeCut } from './planOptions';
import { scoresText } from './scoreOptions';
import { counted, table } from './table';

/** A student and what it costs. */
export interface ComparedStudent {
  readonly name: string;
  readonly dropped: readonly string[];
  readonly gone: readonly string[];
  readonly totals: StudentTotals;
  /** Of a step, measured in turns; null where only the decoder is cut. */
  readonly times: PairedTimes | null;
  /** Of decoding a clip; null where the decoder is not cut. */
  readonly decoderTimes: PairedTimes | null;
}

export interface CompareResult {
  readonly students: readonly ComparedStudent[];
  readonly settings: readonly GenerateSettings[];
  readonly compared: StudentComparison;
  /** What ColorVideoVDP took the clips to be looked at on. */
  readonly display?: DisplayName | undefined;
  /** By a model that the person gave. */
  readonly distances?: FeatureDistances | undefined;
  /** The clips of each side by VBench's formulas. */
  readonly scored?: ScoredSides | undefined;
  readonly notes: readonly string[];
}

/** One student, one clip. */
export function singleText(result: CompareResult): string {
  const { settings, students, compared, display, notes } = result;
  const { dropped, gone } = present(students[0]);
  const { content, motion, meanSquaredError } = present(present(compared.cases[0]).comparisons[0]);
  const jod = present(compared.cases[0]).jods?.[0];
  const decibels = psnr(meanSquaredError);
  const quality = [
    ...(jod === undefined ? [] : [['both', `ColorVideoVDP, ${display}`, `${jod.toFixed(2)} JOD`]]),
    ['content', 'PSNR', decibels === Infinity ? 'identical' : number(decibels, ' dB')],
    ['', 'SSIM', number(mean(content.ssimPerFrame))],
    ['', 'error, content part', number(content.errorContent)],
    ['motion', 'error, motion part', number(motion.errorMotion)],
    ['', 'motion delta', number(motion.motionDelta)],
    ['', 'flow EPE', number(mean(motion.flowEpePerTransition), ' px')],
    ['', 'flow magnitude, student / teacher', number(motion.flowMagnitudeRatio)],
    ['', 'flow direction cosine', number(motion.flowDirectionCosine)],
    [
      '',
      'temporal flickering, teacher | student',
      `${number(motion.flicker.reference)} | ${number(motion.flicker.candidate)}`,
    ],
    [
      '',
      'motion magnitude, teacher | student',
      `${number(motion.motionMagnitude.reference)} | ${number(motion.motionMagnitude.candidate)}`,
    ],
  ];
  const { prompt, seed, steps, guidance } = present(settings[0]);
  return [
    `"${prompt}", seed ${seed}, ${counted(steps, 'step')}, guidance ${guidance}\n`,
    describeCut(dropped, gone),
    '\n',
    costOf(result, 0),
    '\n',
    table(['', '', 'student against teacher'], quality),
    scoresText(result.scored, ['teacher', 'student']),
    notesOf(notes),
  ].join('');
}

/** The cost of student `index` (from 0) beside the teacher's. */
function costOf({ students, settings, compared }: CompareResult, index: number): string {
  const { totals, times, decoderTimes } = present(students[index]);
  const of = (ms: readonly number[]) => ({ teacher: present(ms[0]), student: present(ms[index + 1]) });
  return costTable(totals, {
    steps: present(settings[0]).steps,
    times,
    decoderTimes,
    medianStepMs: of(compared.medianStepMs),
    decodeMs: of(compared.decodeMs),
  });
}

/** How many of the worst cases are told; all are in `--json` and `--csv`. */
const WORST = 8;

/** Several clips or students. */
export function comparedText(result: CompareResult): string {
  const { students, settings, compared, notes } = result;
  const { steps, guidance } = present(settings[0]);
  const clips = `${counted(settings.length, 'clip')} of the teacher and of each student, ${counted(steps, 'step')}, guidance ${guidance}; ${counted(compared.denoiserRuns, 'denoiser call')}\n`;
  const cuts = students.map(({ name, dropped, gone }) => `${name}: ${describeCut(dropped, gone)}`);
  const costs = students.map(({ name }, index) => `\n${name}\n${costOf(result, index)}`);
  return [
    clips,
    ...cuts,
    ...costs,
    ...compared.pairs.map((_, index) => pairText(result, index)),
    distancesText(result),
    scoresText(result.scored, ['teacher', ...students.map(({ name }) => name)]),
    notesOf(notes),
  ].join('');
}

function pairText({ students, compared }: CompareResult, index: number): string {
  const { figures, worstFirst, jod } = present(compared.summaries[index]);
  const measured = comparedFigures.map(({ id, name, unit }) => [
    unit === '' ? name : `${name}, ${unit}`,
    ...summaryCells(figures[id]),
  ]);
  const rows = jod ? [[`ColorVideoVDP, JOD (10: no difference)`, ...summaryCells(jod)], ...measured] : measured;
  const worst = worstFirst.slice(0, WORST).map((place) => {
    const { settings, comparisons } = present(compared.cases[place]);
    return [number(present(comparisons[index]).meanSquaredError), `seed ${settings.seed}`, settings.prompt];
  });
  const titles = pairNames(students, present(compared.pairs[index]));
  return [
    `\n${titles.candidate} against ${titles.reference}\n`,
    table(['', 'mean', 'deviation', '95 % of the mean', 'median', 'worst'], rows, [1, 2, 3, 4, 5]),
    compared.cases.length > 1
      ? `Worst first, by mean squared error:\n${table(['error', 'seed', 'prompt'], worst, [0])}`
      : '',
  ].join('');
}

function summaryCells(summary: Summary | null): readonly string[] {
  if (!summary) return ['undefined', '', '', '', ''];
  const { mean: average, standardDeviation, interval95, median, worst, notFinite } = summary;
  return [
    number(average) + (notFinite > 0 ? ` (without ${notFinite})` : ''),
    number(standardDeviation),
    interval95 ? `${number(interval95[0])} to ${number(interval95[1])}` : '',
    number(median),
    number(worst.value),
  ];
}

/** Of the sets of clips, by the features of a model that is named. */
function distancesText({ students, distances }: CompareResult): string {
  if (!distances) return '';
  const { model, about, clips, featureLength, pairs } = distances;
  const rows = pairs.map((pair) => {
    const { reference, candidate } = pairNames(students, pair);
    return [
      `${candidate} against ${reference}`,
      pair.frechet === null ? 'refused' : number(pair.frechet),
      mmdText(pair),
    ];
  });
  const refused = pairs[0]?.refused === undefined ? '' : `${pairs[0].refused}\n`;
  return [
    `\nBy the ${featureLength} features of ${model} (${about}), ${counted(clips, 'clip')} of each side\n`,
    table(['', 'FVD', 'MMD (KID’s kernel), mean ± deviation over subsets'], rows, [1]),
    refused,
  ].join('');
}

function mmdText({ mmd }: PairDistances): string {
  if (!mmd) return 'refused: fewer than 4 clips';
  const { count, size, mean: middle, standardDeviation } = mmd.subsets;
  return `${number(mmd.value)}; ${number(middle)} ± ${number(standardDeviation)} over ${count} of ${size}`;
}

/** One line a case and pair. */
export function comparedCsv({ students, compared }: CompareResult): string {
  const hasJod = compared.cases[0]?.jods !== undefined;
  const names = [...comparedFigures.map(({ id }) => id), ...(hasJod ? ['jod'] : [])];
  const header = ['prompt', 'seed', 'reference', 'candidate', ...names].join(',');
  const lines = compared.cases.flatMap(({ settings, comparisons, jods }) =>
    comparisons.map((comparison, index) => {
      const { reference, candidate } = pairNames(students, present(compared.pairs[index]));
      const cells = comparedFigures.map(({ read }) => csvNumber(read(comparison)));
      const who = [quoted(settings.prompt), settings.seed, quoted(reference), quoted(candidate)];
      return [...who, ...cells, ...(hasJod ? [csvNumber(jods?.[index] ?? null)] : [])].join(',');
    }),
  );
  return [header, ...lines].join('\n') + '\n';
}

function csvNumber(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '';
  return value === Infinity ? 'identical' : String(value);
}

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

function pairNames(students: CompareResult['students'], pair: CompareResult['compared']['pairs'][number]) {
  const nameOf = (take: number) => (take === 0 ? 'teacher' : present(students[take - 1]).name);
  return { reference: nameOf(pair.reference), candidate: nameOf(pair.candidate) };
}

function number(value: number | null, unit = ''): string {
  if (value === null) return 'undefined';
  return Number.isFinite(value) ? `${value.toPrecision(4)}${unit}` : 'not finite';
}

function notesOf(notes: readonly string[]): string {
  return notes.map((note) => `\nNote: ${note}`).join('') + (notes.length > 0 ? '\n' : '');
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
