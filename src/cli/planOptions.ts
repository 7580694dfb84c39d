/** `--drop`, `--preset` and `--plan`: three ways to say which blocks go. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { BlockTree } from '../blocks/block';
import { indexBlocks, type Plan, pipelineTree } from '../blocks/plan';
import { readBlockIds, readPlanFile } from '../blocks/planText';
import { presetNamed } from '../blocks/presets';
import { StudioError } from '../errors/StudioError';
import type { Pipeline } from '../studio/Pipeline';
import { counted } from './table';

export const planOptions = {
  drop: { type: 'string', multiple: true },
  preset: { type: 'string' },
  plan: { type: 'string' },
} as const;

const helpOf = (
  ofDecoder: string,
) => `  --drop ID,ID...     blocks to drop, by the ids that "vdmini blocks" shows; may be repeated. An id with a comma is
                      told from two by what the model has; "ID" in quotes is always one${ofDecoder}
  --preset NAME       a named choice of blocks, such as vdmini
  --plan FILE         a plan in JSON, as the studio saves it: {"dropped": ["ID", ...]}`;

/** Where a cut may be of the denoiser and of the decoder. */
export const planHelp = helpOf(`. Of a pipeline folder the
                      decoder's blocks can go too: decoder/up_blocks.2.resnets.1`);

/** Where it is the denoiser's. */
export const denoiserPlanHelp = helpOf('');

interface PlanValues {
  readonly drop?: readonly string[];
  readonly preset?: string;
  readonly plan?: string;
}

/** Undefined when none of the three is given; `cli/usage` when more than one is. */
export async function readPlan(values: PlanValues, tree: BlockTree): Promise<Plan | undefined> {
  const given = [values.drop, values.preset, values.plan].filter((value) => value !== undefined);
  if (given.length > 1) throw new StudioError('cli/usage', 'Give one of --drop, --preset and --plan.');
  if (values.drop !== undefined) return { dropped: readBlockIds(values.drop, indexBlocks(tree)) };
  if (values.preset !== undefined) return presetNamed(tree, values.preset).plan;
  if (values.plan !== undefined) return readPlanFile(await planText(values.plan), values.plan);
  return undefined;
}

/** Blocks of every component whose blocks can be told, under the ids that plans of the whole pipeline use. */
export const wholeTree = ({ denoiser, decoder }: Pipeline): BlockTree => pipelineTree(denoiser.tree, decoder?.tree);

/** Where a plan must be given. */
export async function requirePlan(values: PlanValues, tree: BlockTree): Promise<Plan> {
  const plan = await readPlan(values, tree);
  if (plan === undefined)
    throw new StudioError('cli/usage', 'Say which blocks go: --drop ID,ID..., --preset NAME or --plan FILE.');
  return plan;
}

/** `--drop` once, `--preset` and `--plan` any number of times: several students. */
export const studentOptions = {
  drop: { type: 'string', multiple: true },
  preset: { type: 'string', multiple: true },
  plan: { type: 'string', multiple: true },
} as const;

interface StudentValues {
  readonly drop?: readonly string[];
  readonly preset?: readonly string[];
  readonly plan?: readonly string[];
}

export interface NamedPlan {
  readonly name: string;
  readonly plan: Plan;
}

/** At least one, each with a name of its own: the preset's, or the plan file's without its ending. Throws `cli/usage` and as `readPlan`. */
export async function requireStudents(values: StudentValues, tree: BlockTree): Promise<readonly NamedPlan[]> {
  const students: NamedPlan[] = [];
  if (values.drop !== undefined)
    students.push({ name: 'student', plan: await requirePlan({ drop: values.drop }, tree) });
  for (const preset of values.preset ?? []) students.push({ name: preset, plan: await requirePlan({ preset }, tree) });
  for (const plan of values.plan ?? [])
    students.push({ name: basename(plan, '.json'), plan: await requirePlan({ plan }, tree) });
  if (students.length === 0) await requirePlan({}, tree);
  return students.map((student, index) => {
    const earlier = students.slice(0, index).filter(({ name }) => name === student.name).length;
    return earlier === 0 ? student : { ...student, name: `${student.name} (${earlier + 1})` };
  });
}

/** One line for people: what was dropped, and how many blocks are gone with it. */
export function describeCut(dropped: readonly string[], gone: readonly string[]): string {
  if (dropped.length === 0) return 'Nothing dropped.\n';
  return `Dropped: ${dropped.join(', ')} (${counted(gone.length, 'block')} gone, their parts counted)\n`;
}

async function planText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new StudioError('library/missing-file', `The plan ${path} cannot be read.`, { path }, { cause });
  }
}
