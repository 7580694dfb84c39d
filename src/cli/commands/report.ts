/** `vdmini report`: what a cut does to a model, as one HTML file that can be kept and passed on. */

import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { COMPONENTS, componentOf, type Plan } from '../../blocks/plan';
import { planToOption } from '../../blocks/planText';
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import type { DisplayName } from '../../metrics/colorVideoVdp/parameters';
import { claimSentence } from '../../report/claimSentence';
import { figuresOfClip, figuresOfMany } from '../../report/comparedRows';
import type { Fact, ReportContent, ReportImportance, ReportPair, ReportStudent } from '../../report/ReportContent';
import { renderReport } from '../../report/renderReport';
import { compareStudents, type StudentComparison } from '../../studio/compareStudents';
import { fingerprintOf } from '../../studio/fingerprint';
import type { GenerateSettings } from '../../studio/GenerateSettings';
import { timesOfCut } from '../../studio/measureTimes';
import type { Pipeline } from '../../studio/Pipeline';
import { studioVersion } from '../../studio/studioVersion';
import { variantOf } from '../../studio/Variant';
import { device, latentSize, parseArguments, required } from '../arguments';
import type { Command } from '../Command';
import { requireFolder, writeWhole } from '../fileOutput';
import {
  casesHelp,
  displayHelp,
  generateHelp,
  generateOptions,
  notesOn,
  readCases,
  readDisplay,
} from '../generateOptions';
import { machineFacts } from '../machineFacts';
import { openPipelineOnDisk } from '../openPipelineOnDisk';
import { type NamedPlan, planHelp, requireStudents, studentOptions } from '../planOptions';
import { worstScenes } from '../reportClips';
import { showStep } from '../stepProgress';

const help = `Usage: vdmini report FOLDER --plan plan.json --out report.html [--importance FILE] [--prompts FILE] [--seeds N]

Makes the clips of the teacher and of the student, or of several students, and writes what the cut does into one HTML
file: clips, figures, cost, the map of blocks, the plan, importance, settings, machine, and the lines that repeat it.
The file needs no network and no script. Of many prompts and seeds it shows the clips of the worst three.

${generateHelp}
${casesHelp}
${planHelp}
${displayHelp}
  --importance FILE   what "vdmini analyze" wrote
  --out FILE          the report
  --json              where it is and how large
`;

const { scale: _scale, ...shared } = generateOptions;
const options = {
  ...shared,
  ...studentOptions,
  prompts: { type: 'string' },
  seeds: { type: 'string' },
  display: { type: 'string' },
  importance: { type: 'string' },
} as const;

export const report: Command = {
  help,
  async run(args, signal) {
    const { values, positionals } = parseArguments(args, options, ['FOLDER']);
    const out = required(values.out, '--out report.html');
    const display = readDisplay(values.display);
    await requireFolder(out);
    const importance = values.importance === undefined ? undefined : await readImportance(values.importance);
    const where = device(values.device);
    const pipeline = await openPipelineOnDisk(
      present(positionals[0]),
      signal,
      latentSize(values['latent-size']),
      where,
    );
    try {
      const settings = await readCases(values, pipeline);
      const plans = await requireStudents(values, pipeline.denoiser.tree);
      const scenes = worstScenes();
      const variants = plans.map(({ name, plan }) => ({ name, variant: variantOf(plan) }));
      const compared = await compareStudents(pipeline, variants, settings, {
        signal,
        ...(display ? { display } : {}),
        onStep: showStep,
        onCase: (progress) => scenes.add(progress),
      });
      const students: ReportStudent[] = [];
      for (const [index, plan] of plans.entries())
        students.push(
          await studentOf(pipeline, plan, present(settings[0]), present(compared.medianStepMs[index + 1]), signal),
        );
      const names = ['teacher', ...plans.map(({ name }) => name)];
      const { description, denoiser } = pipeline;
      const text = renderReport({
        model: description.name,
        fingerprint: await fingerprintOf(pipeline),
        madeAt: new Date().toISOString(),
        version: studioVersion,
        tree: denoiser.tree,
        settings: settingFacts(settings, description.scheduler._class_name, display),
        machine: machineFacts(where),
        students,
        teacherStepMs: present(compared.medianStepMs[0]),
        pairs: pairsOf(compared, names),
        scenes: scenes.scenes(names, description.framesPerSecond),
        ...(importance ? { importance } : {}),
        commands: [
          commandLine('report', args),
          ...plans.flatMap(({ plan }) => pruneLines(present(positionals[0]), pipeline, plan)),
        ],
        notes: notesOn(values, description),
      } satisfies ReportContent);
      const bytes = new TextEncoder().encode(text);
      await writeWhole(out, signal, bytes);
      const told = { out, bytes: bytes.length, clips: settings.length, denoiserRuns: compared.denoiserRuns };
      process.stdout.write(
        values.json ? JSON.stringify(told, null, 2) + '\n' : `Wrote ${out}, ${bytes.length} bytes.\n`,
      );
    } finally {
      await pipeline.release();
    }
  },
};

async function studentOf(
  pipeline: Pipeline,
  { name, plan }: NamedPlan,
  settings: GenerateSettings,
  stepMs: number,
  signal: AbortSignal,
): Promise<ReportStudent> {
  const { goneIds: gone, teacher, student } = pipeline.summarise(plan);
  const candidate = variantOf(plan);
  const times = await timesOfCut(pipeline, { component: 'denoiser', candidate, settings }, { signal });
  return { name, dropped: plan.dropped, gone, totals: { teacher, student }, stepMs, ...(times ? { times } : {}) };
}

/** How many of the worst cases the report lists. */
const WORST = 20;

function pairsOf({ pairs, cases, summaries }: StudentComparison, names: readonly string[]): readonly ReportPair[] {
  return pairs.map(({ reference, candidate }, index) => {
    const [only] = cases;
    const summary = present(summaries[index]);
    return {
      reference: present(names[reference]),
      candidate: present(names[candidate]),
      figures:
        cases.length === 1
          ? figuresOfClip(present(present(only).comparisons[index]), present(only).jods?.[index])
          : figuresOfMany(summary),
      worst: summary.worstFirst.slice(0, WORST).map((place) => {
        const { settings, comparisons } = present(cases[place]);
        return {
          prompt: settings.prompt,
          seed: settings.seed,
          meanSquaredError: present(comparisons[index]).meanSquaredError,
        };
      }),
    };
  });
}

function settingFacts(
  settings: readonly GenerateSettings[],
  scheduler: string,
  display: DisplayName | undefined,
): readonly Fact[] {
  const { prompt, seed, steps, guidance, image } = present(settings[0]);
  const seeds = [...new Set(settings.map((one) => one.seed))];
  const prompts = new Set(settings.map((one) => one.prompt));
  return [
    prompts.size === 1 ? { name: 'prompt', value: prompt } : { name: 'prompts', value: String(prompts.size) },
    seeds.length === 1
      ? { name: 'seed', value: String(seed) }
      : { name: 'seeds', value: `${seeds[0]} to ${seeds.at(-1)}` },
    { name: 'steps', value: String(steps) },
    { name: 'guidance', value: String(guidance) },
    { name: 'scheduler', value: scheduler },
    ...(image ? [{ name: 'picture, SHA-256', value: image.key }] : []),
    ...(display ? [{ name: 'display of ColorVideoVDP', value: display }] : []),
  ];
}

/** What `analyze` writes. Throws `library/missing-file` and `library/invalid-config`. */
async function readImportance(path: string): Promise<ReportImportance> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new StudioError('library/missing-file', `The importance ${path} cannot be read.`, { path }, { cause });
  });
  const units = unitsIn(text);
  if (!units) throw new StudioError('library/invalid-config', `${path} is not what "vdmini analyze" writes.`, { path });
  return {
    about:
      'Each block switched off alone: mean squared error of the guided output on the states of the teacher’s own sampling, content (the same in every frame) and motion apart.',
    claim: claimSentence(units.map(({ output, level, depth }) => ({ ...output, level, depth }))),
    units: units.map(({ id, output }) => ({ id, content: output.content, motion: output.motion })),
  };
}

interface AnalyzedUnit {
  readonly id: string;
  readonly level: number;
  readonly depth: number;
  readonly output: { readonly content: number; readonly motion: number };
}

function unitsIn(text: string): readonly AnalyzedUnit[] | null {
  let parsed: { units?: unknown } | null;
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch {
    return null; // the caller says which file it is
  }
  const isUnit = (unit: unknown): unit is AnalyzedUnit => {
    const { id, level, depth, output } = (unit ?? {}) as Partial<AnalyzedUnit>;
    const numbers = [level, depth, output?.content, output?.motion];
    return typeof id === 'string' && numbers.every((value) => Number.isFinite(value));
  };
  return Array.isArray(parsed?.units) && parsed.units.every(isUnit) ? parsed.units : null;
}

const commandLine = (command: string, args: readonly string[]) => ['vdmini', command, ...args.map(quoted)].join(' ');

/** One for each file that the plan cuts into. */
function pruneLines(folder: string, { component }: Pipeline, plan: Plan): readonly string[] {
  return COMPONENTS.flatMap((id) => {
    const dropped = plan.dropped.filter((block) => componentOf(block) === id);
    if (dropped.length === 0) return [];
    const [path, out] = [fileOf(folder, component(id).file.path), id === 'denoiser' ? 'student' : 'student-decoder'];
    return [`vdmini prune ${quoted(path)} --drop ${quoted(planToOption({ dropped }))} --out ${out}.onnx`];
  });
}

/** What was opened may be the one file itself. */
const fileOf = (opened: string, path: string) =>
  basename(opened) === path && opened.endsWith('.onnx') ? opened : join(opened, path);

/** As one word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
