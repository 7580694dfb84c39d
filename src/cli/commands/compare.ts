/**
 * `vdmini compare`: clips with and without some blocks, and what that did to content and to motion; over prompts and
 * seeds, of one student or several, against the teacher and against one another.
 */

import type { ComponentId } from '../../blocks/plan';
import { present } from '../../errors/present';
import { metricsCsv } from '../../metrics/metricsCsv';
import type { FeatureModel } from '../../studio/clipFeatures';
import { type ComparedPair, compareStudents } from '../../studio/compareStudents';
import { featureCollector } from '../../studio/featureDistances';
import type { GenerateSettings } from '../../studio/GenerateSettings';
import { timesOfCut } from '../../studio/measureTimes';
import type { Pipeline } from '../../studio/Pipeline';
import { scoreCollector } from '../../studio/scoreCollector';
import { variantOf } from '../../studio/Variant';
import { device, latentSize, parseArguments } from '../arguments';
import type { Command } from '../Command';
import { type ComparedStudent, type CompareResult, comparedCsv, comparedText, singleText } from '../comparedText';
import { csvHead } from '../csvHead';
import { featureHelp, featureOptions, openFeatures, readFeatureOptions } from '../featureOptions';
import { requireFolder, writeWhole } from '../fileOutput';
import {
  casesHelp,
  displayHelp,
  generateHelp,
  generateOptions,
  notesOn,
  printable,
  readCases,
  readDisplay,
} from '../generateOptions';
import { openPipelineOnDisk } from '../openPipelineOnDisk';
import { type NamedPlan, planHelp, requireStudents, studentOptions, wholeTree } from '../planOptions';
import { type OpenedScores, openScoreModels, readScoreOptions, scoreHelp, scoreOptions } from '../scoreOptions';
import { showStep } from '../stepProgress';

const help = `Usage: vdmini compare FOLDER --drop ID,ID... [--prompt TEXT] [--seed N] [--steps N] [--json]
       vdmini compare FOLDER --plan A.json [--plan B.json] [--prompts FILE] [--seeds N] [--json]

Makes the clip with every block (teacher) and without the dropped ones (student), from the same noise and text, on the
CPU, and measures the difference: content per frame, motion across frames, parameters, MACs and time. Over several
prompts and seeds: mean, spread, 95 % interval of the mean, and the worst cases first. Several students, each --plan and
--preset one, are compared with the teacher and with one another; the teacher's clip is sampled once.

${generateHelp}
${casesHelp}
${planHelp}
${displayHelp}
${featureHelp}
${scoreHelp}
  --csv FILE          the measurements: per frame of one clip, or one line a clip and pair
  --json              all of it; PSNR of equal frames is "identical"
`;

const { out: _out, scale: _scale, ...shared } = generateOptions;
const options = {
  ...shared,
  ...studentOptions,
  prompts: { type: 'string' },
  seeds: { type: 'string' },
  display: { type: 'string' },
  ...featureOptions,
  ...scoreOptions,
  csv: { type: 'string' },
} as const;

export const compare: Command = {
  help,
  async run(args, signal) {
    const { values, positionals } = parseArguments(args, options, ['FOLDER']);
    const display = readDisplay(values.display);
    const wantedFeatures = readFeatureOptions(values);
    const wantedScores = readScoreOptions(values);
    if (values.csv !== undefined) await requireFolder(values.csv);
    const pipeline = await openPipelineOnDisk(
      present(positionals[0]),
      signal,
      latentSize(values['latent-size']),
      device(values.device),
    );
    let features: FeatureModel | undefined;
    let scoring: OpenedScores | undefined;
    try {
      features = wantedFeatures && (await openFeatures(wantedFeatures, pipeline.runtime));
      const collector = features && featureCollector(features);
      scoring = wantedScores && (await openScoreModels(wantedScores, pipeline.runtime));
      const scores = scoring && scoreCollector(pipeline.description.framesPerSecond, scoring.models);
      const settings = await readCases(values, pipeline);
      const plans = await requireStudents(values, wholeTree(pipeline));
      const variants = plans.map(({ name, plan }) => ({ name, variant: variantOf(plan) }));
      const compared = await compareStudents(pipeline, variants, settings, {
        signal,
        ...(display ? { display } : {}),
        onStep: showStep,
        onCase: async ({ done, of, clips }) => {
          await collector?.add(clips);
          await scores?.add(clips);
          if (process.stderr.isTTY && of > 1) process.stderr.write(`clip ${done} of ${of}\n`);
        },
      });
      const students: ComparedStudent[] = [];
      for (const plan of plans) students.push(await costOf(pipeline, plan, present(settings[0]), signal));
      const distances = collector?.distances(compared.pairs);
      const result = {
        students,
        settings,
        compared,
        display,
        distances,
        scored: scores?.scored(),
        notes: notesOn(values, pipeline.description),
      };
      if (values.csv !== undefined)
        await writeWhole(
          values.csv,
          signal,
          new TextEncoder().encode(
            (await csvHead(pipeline, plans, settings)) + (isSingle(result) ? csvOf(result) : comparedCsv(result)),
          ),
        );
      process.stdout.write(values.json ? JSON.stringify(jsonOf(result), infinityAsWord, 2) + '\n' : describe(result));
    } finally {
      await features?.release();
      await scoring?.release();
      await pipeline.release();
    }
  },
};

async function costOf(
  pipeline: Pipeline,
  { name, plan }: NamedPlan,
  settings: GenerateSettings,
  signal: AbortSignal,
): Promise<ComparedStudent> {
  const { goneIds: gone, ...totals } = pipeline.summarise(plan);
  const candidate = variantOf(plan);
  const timesOf = (component: ComponentId) => timesOfCut(pipeline, { component, candidate, settings }, { signal });
  const [times, decoderTimes] = [await timesOf('denoiser'), await timesOf('decoder')];
  return { name, dropped: plan.dropped, gone, totals, times, decoderTimes };
}

/** One student and one clip: told in full. */
const isSingle = ({ students, settings }: CompareResult) => students.length === 1 && settings.length === 1;

const csvOf = ({ compared }: CompareResult) => metricsCsv(present(present(compared.cases[0]).comparisons[0]));
const describe = (result: CompareResult) => (isSingle(result) ? singleText(result) : comparedText(result));

/** The fields of a single comparison are there where there is one. */
function jsonOf(result: CompareResult) {
  const { students, settings, compared, display, distances, scored, notes } = result;
  const { pairs, cases, summaries, medianStepMs, decodeMs, denoiserRuns } = compared;
  const nameOf = (take: number) => (take === 0 ? 'teacher' : present(students[take - 1]).name);
  const named = ({ reference, candidate }: ComparedPair) => ({
    reference: nameOf(reference),
    candidate: nameOf(candidate),
  });
  const { dropped, gone, times, decoderTimes, totals } = present(students[0]);
  const { comparisons, jods } = present(cases[0]);
  const single = {
    dropped,
    gone,
    comparison: present(comparisons[0]),
    ...(jods ? { jod: jods[0] } : {}),
    medianStepMs: { teacher: medianStepMs[0], student: medianStepMs[1] },
    decodeMs: { teacher: decodeMs[0], student: decodeMs[1] },
    times,
    decoderTimes,
    totals,
  };
  const { prompt: _prompt, seed: _seed, ...common } = printable(present(settings[0]));
  return {
    settings: settings.length === 1 ? printable(present(settings[0])) : common,
    ...(isSingle(result) ? single : {}),
    teacher: { medianStepMs: medianStepMs[0], decodeMs: decodeMs[0] },
    students: students.map((student, index) => ({
      ...student,
      medianStepMs: medianStepMs[index + 1],
      decodeMs: decodeMs[index + 1],
    })),
    pairs: pairs.map((pair, index) => {
      const { figures, jod, worstFirst } = present(summaries[index]);
      return {
        ...named(pair),
        figures: { ...figures, ...(jod ? { jod } : {}) },
        worstFirst: worstFirst.map((place) => {
          const { settings: of, comparisons: ofCase } = present(cases[place]);
          const { meanSquaredError } = present(ofCase[index]);
          return { case: place, prompt: of.prompt, seed: of.seed, meanSquaredError };
        }),
      };
    }),
    cases: cases.map((one) => ({
      prompt: one.settings.prompt,
      seed: one.settings.seed,
      comparisons: one.comparisons.map((comparison, index) => ({
        ...named(present(pairs[index])),
        ...(one.jods ? { jod: one.jods[index] } : {}),
        ...comparison,
      })),
    })),
    ...(display ? { colorVideoVdpDisplay: display } : {}),
    ...(distances
      ? { features: { ...distances, pairs: distances.pairs.map((pair) => ({ ...pair, ...named(pair) })) } }
      : {}),
    ...(scored
      ? { vbench: { ...scored, sides: scored.sides.map((side, take) => ({ name: nameOf(take), ...side })) } }
      : {}),
    teacherClips: cases.length,
    denoiserRuns,
    notes,
  };
}

/** JSON has no Infinity: the PSNR of equal frames is "identical", and nothing else is. */
const infinityAsWord = (key: string, value: unknown): unknown => {
  if (key === 'psnrPerFrame')
    return (value as number[]).map((decibels) => (decibels === Infinity ? 'identical' : decibels));
  return typeof value === 'number' && !Number.isFinite(value) ? 'not finite' : value;
};
