/** `vdmini compare`: one clip with and one without some blocks, and what that did to content and to motion. */
import type { Totals } from '../../blocks/block';
import type { ClipComparison } from '../../metrics/Clip';
import { metricsCsv } from '../../metrics/metricsCsv';
import { psnr } from '../../metrics/psnr';
import { TEACHER, variantOf } from '../../studio/Variant';
import { device, latentSize, parseArguments } from '../arguments';
import type { Command } from '../Command';
import { requireFolder, writeWhole } from '../fileOutput';
import { generateHelp, generateOptions, printable, readSettings } from '../generateOptions';
import { openPipelineOnDisk } from '../openPipelineOnDisk';
import { describeCut, planHelp, requirePlan } from '../planOptions';
import { showStep } from '../stepProgress';
import { counted, percent, table, withPrefix } from '../table';

const help = `Usage: vdmini compare FOLDER --drop ID,ID... [--prompt TEXT] [--seed N] [--steps N] [--json]

Makes the clip with every block (teacher) and without the dropped ones (student), from the same noise and text, on the
CPU, and measures the difference: content per frame, motion across frames, parameters, MACs and time.

${generateHelp}
${planHelp}
  --csv FILE          the measurements, per frame
  --json              all of it; PSNR of equal frames is "identical"
`;

const { out: _out, scale: _scale, ...shared } = generateOptions;
const options = { ...shared, csv: { type: 'string' } } as const;

/** Medians in ms: of a denoiser step, or of decoding the clip. */
interface Times {
  readonly teacher: number;
  readonly student: number;
}

interface CompareResult {
  readonly settings: ReturnType<typeof printable>;
  readonly dropped: readonly string[];
  readonly gone: readonly string[];
  readonly comparison: ClipComparison;
  readonly medianStepMs: Times;
  readonly decodeMs: Times;
  readonly totals: { readonly teacher: Totals; readonly student: Totals };
  readonly notes: readonly string[];
}

export const compare: Command = {
  help,
  async run(args, signal) {
    const { values, positionals } = parseArguments(args, options, ['FOLDER']);
    if (values.csv !== undefined) await requireFolder(values.csv);
    const pipeline = await openPipelineOnDisk(
      positionals[0]!,
      signal,
      latentSize(values['latent-size']),
      device(values.device),
    );
    try {
      const settings = await readSettings(values, pipeline.description);
      const plan = await requirePlan(values, pipeline.denoiser.tree);
      const { goneIds: gone, ...totals } = pipeline.summarise(plan);
      const takes = [TEACHER, variantOf(plan)].map((variant) => ({ variant, settings }));
      const sampled = await pipeline.sample({ takes, previewEvery: 0 }, { signal, onProgress: showStep });
      const times = ([teacher, student]: readonly number[]): Times => ({ teacher: teacher!, student: student! });
      const result: CompareResult = {
        settings: printable(settings),
        dropped: plan.dropped,
        gone,
        comparison: sampled.comparisons[1]!,
        medianStepMs: times(sampled.medianStepMs),
        decodeMs: times(sampled.decodeMs),
        totals,
        notes: pipeline.description.notes,
      };
      if (values.csv !== undefined)
        await writeWhole(values.csv, signal, new TextEncoder().encode(metricsCsv(result.comparison)));
      process.stdout.write(values.json ? JSON.stringify(result, infinityAsWord, 2) + '\n' : describe(result));
    } finally {
      await pipeline.release();
    }
  },
};

/** JSON has no Infinity: the PSNR of equal frames is "identical", and nothing else is. */
const infinityAsWord = (key: string, value: unknown): unknown => {
  if (key === 'psnrPerFrame')
    return (value as number[]).map((decibels) => (decibels === Infinity ? 'identical' : decibels));
  return typeof value === 'number' && !Number.isFinite(value) ? 'not finite' : value;
};

function describe({ settings, dropped, gone, comparison, medianStepMs, totals, notes }: CompareResult): string {
  const { content, motion, meanSquaredError } = comparison;
  const { teacher, student } = totals;
  const currency = (name: string, key: keyof Totals, unit = '') => [
    name,
    withPrefix(teacher[key], unit),
    withPrefix(student[key], unit),
    percent(student[key] / teacher[key]),
  ];
  const time = [medianStepMs.teacher, medianStepMs.student] as const;
  const cost = [
    currency('parameters', 'parameters'),
    currency('bytes', 'bytes', 'B'),
    currency('MACs per call', 'macs'),
    ['time per step', `${time[0].toFixed(1)} ms`, `${time[1].toFixed(1)} ms`, percent(time[1] / time[0])],
  ];
  const number = (value: number | null, unit = '') =>
    value === null ? 'undefined' : Number.isFinite(value) ? `${value.toPrecision(4)}${unit}` : 'not finite';
  const decibels = psnr(meanSquaredError);
  const quality = [
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
  return [
    `"${settings.prompt}", seed ${settings.seed}, ${counted(settings.steps, 'step')}, guidance ${settings.guidance}\n`,
    describeCut(dropped, gone),
    '\n',
    table(['', 'teacher', 'student', ''], cost, [1, 2, 3]),
    '\n',
    table(['', '', 'student against teacher'], quality),
    ...notes.map((note) => `\nNote: ${note}`),
    notes.length > 0 ? '\n' : '',
  ].join('');
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
