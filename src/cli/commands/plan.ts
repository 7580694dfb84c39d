/** `vdmini plan`: what to drop for a budget, measured, beside the cuts that others would make. */

import { indexBlocks, planKey } from '../../blocks/plan';
import { readBlockIds, writePlanFile } from '../../blocks/planText';
import { publishedCuts } from '../../blocks/presets';
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import type { Damage } from '../../studio/damage';
import type { Pipeline } from '../../studio/Pipeline';
import { planCuts } from '../../studio/planCuts';
import type { Baseline, Budget, Currency, PlanResult } from '../../studio/planData';
import { scorePlans } from '../../studio/scorePlans';
import { unitsOf } from '../../studio/units';
import { decimal, device, integer, latentSize, parseArguments, required } from '../arguments';
import type { Command } from '../Command';
import { requireFolder, writeWhole } from '../fileOutput';
import { importanceHelp, importanceOptions, readClips, readDenoiserUnitKind } from '../importanceOptions';
import { openMeasuredFile, readImportance } from '../measuredFile';
import { openPipelineOnDisk } from '../openPipelineOnDisk';
import { percent, table } from '../table';

const help = `Usage: vdmini plan FOLDER --budget macs=0.75|parameters=0.6|ms=0.7 --out plan.json [--json]

Searches for the cut that harms least at a budget. Every candidate is measured on the teacher's own states (see
"vdmini analyze"); after each removal the rest is measured anew, a beam follows others, and single swaps end it. Beside
it: the presets, BK-SDM's pattern, block influence, isolated damages added up, contiguous blocks, and random ones, each
measured in the same run. Costs and errors are shares of the teacher's and mean squares; times are measured in turns.

${importanceHelp}
  --budget KIND=SHARE macs, parameters, or ms (the time of a step on this machine), and the share of the teacher's that
                      may stay
  --content W         what damage to content weighs (default 1)
  --motion W          what damage to motion weighs (default 1)
  --lock ID,ID...     blocks that stay
  --importance FILE   of "analyze" on the same clips: its damages are not measured again
  --resume FILE       keeps every measured error there, and begins with those that it has
  --held-out FILE     prompts, one a line, that the search does not see: the plan and the baselines are also scored on
                      them, with seeds from 1001 on (as many as --seeds says)
  --held-out-image FILE
                      the same with pictures, for a model that begins with one; may be repeated
  --random N          random plans to compare with (default 20)
  --out FILE          the plan, as the studio and "vdmini prune --plan" read it
  --json              {plan, cost, error, baselines, front}, and with --held-out {clips, error, baselines}
`;

const options = {
  ...importanceOptions,
  budget: { type: 'string' },
  content: { type: 'string' },
  motion: { type: 'string' },
  lock: { type: 'string', multiple: true },
  random: { type: 'string' },
  'held-out': { type: 'string' },
  'held-out-image': { type: 'string', multiple: true },
  importance: { type: 'string' },
  resume: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const plan: Command = {
  help,
  async run(args, signal) {
    const { values, positionals } = parseArguments(args, options, ['FOLDER']);
    const budget = readBudget(required(values.budget, '--budget macs=0.75'));
    const out = required(values.out, '--out plan.json');
    const kind = readDenoiserUnitKind(values);
    await requireFolder(out);
    const pipeline = await openPipelineOnDisk(
      present(positionals[0]),
      signal,
      latentSize(values['latent-size']),
      device(values.device),
    );
    try {
      const { tree } = pipeline.denoiser;
      let unwritten = 0;
      const settings = await readClips(values, pipeline);
      const alone = values.importance === undefined ? [] : await readImportance(values.importance, pipeline, settings);
      const kept = values.resume === undefined ? null : await openMeasuredFile(values.resume, pipeline, settings);
      const seen = new Set([...alone, ...(kept?.known ?? [])].map((one) => planKey(one.plan)));
      const result = await planCuts(
        pipeline,
        {
          units: unitsOf(tree, kind),
          budget,
          content: decimal(values.content, '--content', 0, 1),
          motion: decimal(values.motion, '--motion', 0, 1),
          locked: values.lock === undefined ? [] : readBlockIds(values.lock, indexBlocks(tree)),
          settings,
          known: [...alone, ...(kept?.known ?? [])],
          times: true,
          presets: publishedCuts(tree),
          randomPlans: integer(values.random, '--random', { min: 0, max: 1000 }, 20),
        },
        {
          signal,
          turn: async () => {
            if (kept && unwritten >= WRITE_EVERY) {
              unwritten = 0;
              await kept.write(signal);
            }
          },
          onProgress: ({ measured, best, latest }) => {
            if (kept && !seen.has(planKey(latest.plan))) {
              seen.add(planKey(latest.plan));
              kept.add({ plan: latest.plan, error: latest.error });
              unwritten++;
            }
            if (process.stderr.isTTY)
              process.stderr.write(
                `\r${measured} plans measured, best ${best ? best.error.total.toPrecision(3) : 'none yet'}  `,
              );
          },
        },
      );
      await kept?.write(signal);
      const heldOut = await scoreHeldOut(pipeline, result, values, signal);
      await writeWhole(
        out,
        signal,
        new TextEncoder().encode(writePlanFile(result.plan, { model: pipeline.description.name })),
      );
      process.stdout.write(
        values.json
          ? JSON.stringify({ ...printed(result), ...(heldOut ? { heldOut } : {}) }, null, 2) + '\n'
          : describe(result, budget, out, heldOut),
      );
    } finally {
      await pipeline.release();
    }
  },
};

/** Plans after which what was measured is written. */
const WRITE_EVERY = 20;

interface HeldOut {
  readonly clips: readonly { readonly prompt: string; readonly seed: number; readonly picture?: string }[];
  readonly error: Damage;
  /** Of the random ones, the plan in their middle. */
  readonly baselines: readonly { readonly name: string; readonly error: Damage }[];
}

/** Seeds that nobody searches on. */
const FIRST_HELD_OUT_SEED = 1001;

interface HeldOutValues {
  readonly 'held-out'?: string;
  readonly 'held-out-image'?: readonly string[];
}

/** Undefined where it was not asked for. A picture is named by the SHA-256 of its pixels. */
async function scoreHeldOut(
  pipeline: Pipeline,
  { plan: found, baselines }: PlanResult,
  { 'held-out': prompts, 'held-out-image': image, ...values }: Parameters<typeof readClips>[0] & HeldOutValues,
  signal: AbortSignal,
): Promise<HeldOut | undefined> {
  if (prompts === undefined && image === undefined) return undefined;
  const given = await readClips({ ...values, ...(prompts ? { prompts } : {}), ...(image ? { image } : {}) }, pipeline);
  const clips = given.map((clip) => ({ ...clip, seed: clip.seed - 1 + FIRST_HELD_OUT_SEED }));
  const plans = [found, ...baselines.map((baseline) => baseline.plan)];
  const [error, ...others] = await scorePlans(pipeline, plans, clips, { signal });
  return {
    clips: clips.map(({ prompt, seed, image: of }) => ({ prompt, seed, ...(of ? { picture: of.key } : {}) })),
    error: present(error),
    baselines: baselines.map(({ name }, index) => ({ name, error: present(others[index]) })),
  };
}

/** What `--json` promises, and no more. */
function printed({ plan: found, cost, error, baselines, front }: PlanResult) {
  const named = ({ name, plan: own, cost: ownCost, error: ownError }: Baseline) => ({
    name,
    plan: own,
    cost: ownCost,
    error: ownError,
  });
  return { plan: found, cost, error, baselines: baselines.map(named), front };
}

/** The median, and what holds it nine times in ten. */
function timeOf({ ms, msInterval }: PlanResult['cost']): string {
  if (ms === null) return '';
  return msInterval ? `${percent(ms)} (${msInterval.map(percent).join(' to ')})` : percent(ms);
}

const CURRENCIES: readonly Currency[] = ['macs', 'parameters', 'ms'];

function readBudget(text: string): Budget {
  const [name, share] = text.split('=');
  const currency = CURRENCIES.find((known) => known === name);
  const value = Number(share);
  if (!currency || share === undefined || !(value > 0 && value <= 1))
    throw new StudioError(
      'cli/usage',
      `--budget takes macs=SHARE, parameters=SHARE or ms=SHARE, above 0 and at most 1; not ${text}.`,
    );
  return { currency, share: value };
}

function describe(
  { plan: found, cost, error, fits, baselines, measured }: PlanResult,
  budget: Budget,
  out: string,
  heldOut: HeldOut | undefined,
): string {
  const unseen = (error: Damage | undefined) =>
    error ? [`${error.total.toPrecision(3)} ± ${error.halfInterval.toPrecision(2)}`] : [];
  const row = (name: string, of: Pick<PlanResult, 'cost' | 'error'>, index: number) => [
    name,
    percent(of.cost.macs),
    percent(of.cost.parameters),
    timeOf(of.cost),
    of.error.total.toPrecision(3),
    of.error.content.toPrecision(3),
    of.error.motion.toPrecision(3),
    ...unseen(index < 0 ? heldOut?.error : heldOut?.baselines[index]?.error),
  ];
  const rows = [
    row('this plan', { cost, error }, -1),
    ...baselines.map((baseline, index) => row(baseline.name, baseline, index)),
  ];
  const titles = [
    '',
    'MACs',
    'parameters',
    'time',
    'damage',
    'content',
    'motion',
    ...(heldOut ? ['on held-out clips'] : []),
  ];
  return [
    fits ? '' : `No plan of these units keeps ${budget.currency} at ${percent(budget.share)}; this is the cheapest.\n`,
    table(
      titles,
      rows,
      titles.slice(1).map((_, index) => index + 1),
    ),
    `\nDropped: ${found.dropped.join(', ') || 'nothing'}\n${measured} plans measured. Written to ${out}.\n`,
  ].join('');
}
