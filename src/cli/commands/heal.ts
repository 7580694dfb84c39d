/** `vdmini heal`: a pruned pipeline that learns from its teacher, as a folder that can be opened, sampled and pruned again. */

import { readFile, rm, stat } from 'node:fs/promises';
import { type Plan, planOfComponent, withComponent } from '../../blocks/plan';
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import { latentDims } from '../../pipeline/latentFrames';
import {
  defaultHealSettings,
  type HealProgress,
  type HealSettings,
  type HealStage,
  type HealSummary,
  healingPrompts,
  healStages,
} from '../../studio/healing/healData';
import type { Pipeline } from '../../studio/Pipeline';
import type { Edit } from '../../studio/Variant';
import {
  decimal,
  device,
  deviceHelp,
  integer,
  latentSize,
  latentSizeHelp,
  parseArguments,
  required,
} from '../arguments';
import type { Command } from '../Command';
import { requireFolder, writeWhole } from '../fileOutput';
import { givenPictures } from '../givenPictures';
import { readPrompts } from '../importanceOptions';
import { Interrupted } from '../interrupted';
import { openPipelineOnDisk } from '../openPipelineOnDisk';
import { denoiserPlanHelp, planOptions, requirePlan } from '../planOptions';
import { readLatents } from '../readLatents';
import { percent, table } from '../table';
import { type WrittenPipeline, writePipelineFolder } from '../writePipelineFolder';

/** Where the time decides. */
const MOST_STEPS = 100_000;

const help = `Usage: vdmini heal FOLDER (--drop ID,ID... | --preset NAME | --plan FILE) --out FOLDER2 [--steps N] [--minutes M]

Drops the blocks and trains the rest to do what the whole model does, on states of its own sampling: no data is needed.
The error on states of other seeds is measured before, while and after, and the best weights are kept; where nothing is
better than the untouched student, nothing is written. Stopped at any moment, it goes on with --resume.

${denoiserPlanHelp}
  --steps N           updates of the weights (default ${defaultHealSettings.steps})
  --minutes M         as many steps as fit into M minutes, ${MOST_STEPS} at most unless --steps says otherwise
  --batch N           states in each step (default ${defaultHealSettings.batch})
  --stages A,B        some of: repair (in closed form), local (stages of the model learn apart, fed with the
                      teacher's values), end (the whole student from its end) (default ${defaultHealSettings.stages.join(',')})
  --local             repair and local alone: no gradient goes through the whole model
  --rate X|test       learning rate; test: found by a few steps with each of a few (default ${defaultHealSettings.learningRate ?? 'test'})
  --icd W             what individual content distillation weighs; 0: none (default ${defaultHealSettings.icdWeight})
  --icd-normalised    each layer by the teacher's own scale there
  --mca W             what the critic over whole clips weighs; 0: none (default ${defaultHealSettings.mcaWeight})
  --high-noise X      how much more often states of high noise are taken (default ${defaultHealSettings.highNoise})
  --train WHICH       all; near: the layers right before and after each cut; low-rank: a low-rank change of attention's
                      projections, without repair; else a pattern of the weights' names (default all)
  --from-scratch      begin with nothing of what the teacher learnt (the values of each weight in another order), to
                      compare with; without repair
  --prompts FILE      one prompt a line (default: the folder's training prompts, else its examples)
  --image FILE|FOLDER pictures that clips begin with, for a model that takes one; may be repeated (default: the
                      folder's own)
  --latents FOLDER    your own clips in place of the teacher's: NAME.npy (a latent as the VAE encodes it, times its scaling
                      factor) and NAME.txt (its prompt); it is measured on the teacher's all the same
  --clips N           clips of the teacher to learn from (default ${defaultHealSettings.clips})
  --sampling-steps N  steps of those clips (default: the folder's own)
  --guidance X        their guidance (default: the folder's own)
  --seed N            of the choice of states (default ${defaultHealSettings.seed})
${latentSizeHelp}
${deviceHelp}
  --out FOLDER2       must not exist yet; FOLDER2.checkpoint is kept beside it until it is whole
  --resume            go on from FOLDER2.checkpoint
  --json              figures and curves
`;

const options = {
  ...planOptions,
  steps: { type: 'string' },
  minutes: { type: 'string' },
  stages: { type: 'string' },
  batch: { type: 'string' },
  rate: { type: 'string' },
  icd: { type: 'string' },
  'icd-normalised': { type: 'boolean' },
  mca: { type: 'string' },
  local: { type: 'boolean' },
  'high-noise': { type: 'string' },
  train: { type: 'string' },
  'from-scratch': { type: 'boolean' },
  prompts: { type: 'string' },
  image: { type: 'string', multiple: true },
  latents: { type: 'string' },
  clips: { type: 'string' },
  'sampling-steps': { type: 'string' },
  guidance: { type: 'string' },
  seed: { type: 'string' },
  'latent-size': { type: 'string' },
  device: { type: 'string' },
  out: { type: 'string' },
  resume: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseArguments<typeof options>>['values'];

const CHECKPOINT_STEPS = 50;

interface HealJson extends HealSummary {
  readonly untouched: boolean;
  readonly written?: WrittenPipeline;
}

export const heal: Command = {
  help,
  async run(args, signal) {
    const { values, positionals } = parseArguments(args, options, ['FOLDER']);
    const out = required(values.out, '--out FOLDER2').replace(/\/+$/, '');
    const checkpoint = `${out}.checkpoint`;
    await requireFolder(checkpoint);
    if (await stat(out).catch(() => undefined))
      throw new StudioError('cli/usage', `${out} exists already; give a name that is free.`, { path: out });
    const pipeline = await openPipelineOnDisk(
      present(positionals[0]),
      signal,
      latentSize(values['latent-size']),
      device(values.device),
    );
    try {
      const edit: Edit = { plan: await requireDenoiserPlan(values, pipeline), weights: 'original' };
      const own = values.latents === undefined ? undefined : await readLatents(values.latents, latentShape(pipeline));
      const pictures = await givenPictures(values.image, pipeline);
      const settings = {
        ...(await readHealSettings(values, pipeline)),
        ...(pictures.length > 0 ? { pictures: pictures.map(({ key }) => key) } : {}),
        ...(own ? { ownClips: own.fingerprint } : {}),
      };
      const resume = values.resume ? await readCheckpoint(checkpoint) : undefined;
      const { heal: healStudent } = await import('../../studio/healing/heal');
      const { tensors, ...summary } = await healStudent(pipeline, edit, settings, {
        signal,
        onProgress: progressLine(),
        checkpoint: { everySteps: CHECKPOINT_STEPS, write: (bytes) => writeWhole(checkpoint, never, bytes) },
        ...(resume ? { resume } : {}),
        ...(own ? { clips: own.clips } : {}),
        pictures,
      });
      const written =
        tensors.size === 0
          ? undefined
          : await writePipelineFolder(pipeline, edit, tensors, { from: present(positionals[0]), out, signal, summary });
      await rm(checkpoint, { force: true });
      const result: HealJson = { ...summary, untouched: tensors.size === 0, ...(written ? { written } : {}) };
      process.stdout.write(values.json ? JSON.stringify(result, null, 2) + '\n' : describe(result));
    } catch (thrown) {
      const isKept = signal.aborted && (await stat(checkpoint).catch(() => undefined)) !== undefined;
      throw isKept ? new Interrupted(`Interrupted; --resume goes on from ${checkpoint}.`) : thrown;
    } finally {
      await pipeline.release();
    }
  },
};

/** Throws `cli/usage` for a plan that cuts into the decoder, which stays as it is. */
async function requireDenoiserPlan(values: Values, { denoiser }: Pipeline): Promise<Plan> {
  const plan = await requirePlan(values, denoiser.tree);
  const ofDecoder = planOfComponent(plan, 'decoder').dropped;
  if (ofDecoder.length === 0) return plan;
  throw new StudioError(
    'cli/usage',
    `The decoder is not healed: leave ${ofDecoder.map((id) => withComponent('decoder', id)).join(', ')} to "vdmini prune", for the decoder's file of the folder that is written.`,
  );
}

/** Of a clip in a file: the denoiser's without the batch. */
function latentShape({ description: { latent, latentLayout } }: Pipeline): readonly number[] {
  const dims = latentDims(latentLayout, latent, 1);
  return latentLayout === 'BCHW' ? dims : dims.slice(1);
}

/** A checkpoint is written to its end even when the run is being interrupted: that is what it is for. */
const never = new AbortController().signal;

async function readHealSettings(values: Values, { description }: Pipeline): Promise<HealSettings> {
  const fallback = defaultHealSettings;
  const { defaults } = description;
  const minutes = decimal(values.minutes, '--minutes', 0.1, undefined);
  const most = minutes === undefined ? fallback.steps : MOST_STEPS;
  return {
    ...fallback,
    stages: readStages(values),
    steps: integer(values.steps, '--steps', { min: 1, max: 1e7 }, most),
    ...(minutes === undefined ? {} : { minutes }),
    batch: integer(values.batch, '--batch', { min: 1, max: 1024 }, fallback.batch),
    ...(values.rate === undefined ? {} : readRate(values.rate)),
    icdWeight: decimal(values.icd, '--icd', 0, fallback.icdWeight),
    icdNormalised: values['icd-normalised'] ?? fallback.icdNormalised,
    mcaWeight: decimal(values.mca, '--mca', 0, fallback.mcaWeight),
    seed: integer(values.seed, '--seed', { min: 0, max: 1_000_000 }, fallback.seed),
    highNoise: decimal(values['high-noise'], '--high-noise', 0, fallback.highNoise),
    clips: integer(values.clips, '--clips', { min: 1, max: 100_000 }, fallback.clips),
    prompts: values.prompts === undefined ? healingPrompts(description) : await readPrompts(values.prompts),
    samplingSteps: integer(values['sampling-steps'], '--sampling-steps', { min: 1, max: 1000 }, defaults.steps),
    guidance: decimal(values.guidance, '--guidance', 0, defaults.guidance),
    ...(values['from-scratch'] ? { fromScratch: true } : {}),
    ...(values.train === undefined || values.train === 'all' ? {} : { train: readTrained(values.train) }),
  };
}

function readStages({ stages: text, local, 'from-scratch': fromScratch }: Values): readonly HealStage[] {
  if (text !== undefined && local) throw new StudioError('cli/usage', 'Give --stages or --local, not both.');
  if (text === undefined) return standardStages(local, fromScratch);
  const named = text.split(',').map((name) => name.trim());
  const unknown = named.find((name) => !healStages.some((stage) => stage === name));
  if (unknown !== undefined)
    throw new StudioError('cli/usage', `--stages takes some of ${healStages.join(', ')}; ${unknown} is none of them.`);
  return healStages.filter((stage) => named.includes(stage));
}

function standardStages(local = false, fromScratch = false): readonly HealStage[] {
  const stages = local ? (['repair', 'local'] as const) : defaultHealSettings.stages;
  return stages.filter((stage) => !(fromScratch && stage === 'repair'));
}

/** Absent: found by a test. */
function readRate(text: string): { readonly learningRate?: number | undefined } {
  return { learningRate: text === 'test' ? undefined : decimal(text, '--rate', 0, undefined) };
}

function readTrained(text: string): string {
  if (text === 'near' || text === 'low-rank') return text;
  try {
    return new RegExp(text).source;
  } catch (cause) {
    throw new StudioError(
      'cli/usage',
      `--train takes all, near, low-rank or a regular expression, not ${text}.`,
      {},
      { cause },
    );
  }
}

async function readCheckpoint(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new StudioError('library/missing-file', `There is no checkpoint ${path}.`, { path }, { cause });
  }
}

/** On stderr: every measurement, and at a terminal every step. */
function progressLine(): (progress: HealProgress) => void {
  return ({ phase, done, of, training, heldOut, secondsLeft }) => {
    const left = secondsLeft ? `, ${duration(secondsLeft)} left` : '';
    if (heldOut)
      process.stderr.write(`${clearLine()}step ${heldOut.step} of ${of}: held-out error ${split(heldOut)}${left}\n`);
    else if (process.stderr.isTTY)
      process.stderr.write(
        `${clearLine()}${phase} ${done} of ${of}${training ? `: output ${training.output.toPrecision(3)}${left}` : ''}`,
      );
  };
}

const clearLine = () => (process.stderr.isTTY ? '\r\x1b[K' : '');
const duration = (seconds: number) => (seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`);
const split = ({ total, content, motion }: HealSummary['best']) =>
  `${total.toPrecision(3)} (content ${content.toPrecision(3)}, motion ${motion.toPrecision(3)})`;

const ENDS: Readonly<Record<HealSummary['end'], string>> = {
  steps: 'All steps are done',
  minutes: 'The time is up',
  'no-gain': 'It ended early, as nothing was gained any more',
  told: 'It was ended',
  'not-finite': 'It ended early, as the loss was not a number any more: try a lower --rate',
};

function describe({ before, best, end, steps, seconds, untouched, written, trainedWeights }: HealJson): string {
  const row = (name: string, point: HealSummary['best']) => [
    name,
    String(point.step),
    point.total.toPrecision(3),
    point.content.toPrecision(3),
    point.motion.toPrecision(3),
  ];
  const rows = [row('pruned', before), ...(untouched ? [] : [row('healed', best)])];
  return [
    table(['held-out error', 'after step', 'total', 'content', 'motion'], rows, [1, 2, 3, 4]),
    `\n${ENDS[end]}: ${steps} steps of ${trainedWeights} weights in ${duration(seconds)}.\n`,
    untouched
      ? 'Nothing was better than the untouched student, so nothing was written: "vdmini prune" writes that.\n'
      : `The error fell to ${percent(best.total / before.total)}.\n`,
    ...(written
      ? [
          `Wrote ${written.folder}.\n`,
          `Verified: the file differs from the preview by ${written.verification.maxDifference.toExponential(1)} at most, where the output reaches ${written.verification.scale.toPrecision(3)}.\n`,
        ]
      : []),
  ].join('');
}
