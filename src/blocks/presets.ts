/** Ready-made plans. They follow from stages, pairs and resolution levels; no model is named. */
import { StudioError } from '../errors/StudioError';
import type { Block, BlockTree } from './block';
import { componentOf, NOTHING_DROPPED, type Plan } from './plan';

export interface Preset {
  readonly id: string; // 'teacher', 'vdmini', ...
  readonly label: string;
  readonly description: string;
  readonly plan: Plan;
}

const TEACHER: Preset = {
  id: 'teacher',
  label: 'Teacher',
  description: 'Every block on: the model as it was trained.',
  plan: NOTHING_DROPPED,
};

/** Of one component's tree, or of a whole pipeline's: then the decoder's preset too. */
export function presetsFor(tree: BlockTree): readonly Preset[] {
  return [TEACHER, vdminiPreset(tree), decoderPreset(tree)].filter((preset) => preset !== undefined);
}

/** Throws `blocks/unknown-preset`. */
export function presetNamed(tree: BlockTree, id: string): Preset {
  const presets = presetsFor(tree);
  const preset = presets.find((candidate) => candidate.id === id);
  if (preset) return preset;
  const names = presets.map((candidate) => candidate.id);
  throw new StudioError('blocks/unknown-preset', `This model has no preset ${id}; it has ${names.join(', ')}.`, {
    preset: id,
    presets: names,
  });
}

/**
 * VDMini (arXiv 2411.18375, Fig. 2): the second pair of every down stage and the middle one of every up stage go,
 * except at the second-deepest level, which stays whole; the innermost stages go with the samplers around them.
 */
function vdminiPreset(tree: BlockTree): Preset | undefined {
  const stages = tree.blocks.filter(({ kind }) => kind === 'stage');
  const deepest = Math.max(0, ...stages.map(({ level }) => level));
  const inner = tree.groups.find(({ level }) => level === deepest);
  if (!inner || deepest < 2) return undefined;
  const outer = stages.filter(({ section, level }) => (section === 'down' || section === 'up') && level < deepest - 1);
  const pairs = outer.flatMap((stage) => secondPair(stage) ?? []);
  // With a pair that has to stay it would be another model than the paper's.
  if (pairs.some(({ droppable }) => !droppable)) return undefined;
  const dropped = [...pairs, inner].map(({ id }) => id);
  const description = `The paper's cut: ${pairs.map(({ id }) => id).join(', ')} and ${(inner.members ?? []).join(', ')} go; the second-deepest stages stay whole.`;
  return { id: 'vdmini', label: 'VDMini (paper)', description, plan: { dropped } };
}

/**
 * VDMini's cut of a decoder: the mid block and, of the last up stage, what can go (its first layer changes the number
 * of channels and stays). The paper trains narrower layers besides, which no choice of blocks does.
 */
function decoderPreset(tree: BlockTree): Preset | undefined {
  // A decoder only goes up: no down side, every stage but the last enlarges.
  const ofPipeline = tree.blocks.some(({ id }) => componentOf(id) === 'decoder');
  const own = ofPipeline ? tree.blocks.filter(({ id }) => componentOf(id) === 'decoder') : tree.blocks;
  const body = own.filter(({ section }) => section === 'body');
  const upsamples = ({ children }: Block) => children.some(({ kind }) => kind === 'sampler');
  const firstUp = body.findIndex(upsamples);
  const last = body.filter(({ kind }) => kind === 'stage').at(-1);
  if (firstUp < 0 || !last || upsamples(last)) return undefined;
  const mid = body.slice(0, firstUp).filter(({ droppable }) => droppable);
  const outer = last.children.filter(({ droppable }) => droppable);
  const dropped = [...mid, ...outer].map(({ id }) => id);
  if (dropped.length === 0) return undefined;
  const description = `The paper's cut of the decoder, as far as whole blocks go: ${dropped.join(', ')}.`;
  return { id: 'vdmini-decoder', label: 'VDMini decoder', description, plan: { dropped } };
}

/**
 * BK-SDM's pattern (arXiv 2305.15798, base): the second pair of every down stage and the middle one of every up stage,
 * at all levels. Undefined for models without such pairs. A baseline for measured plans, no preset.
 */
export function bkSdmPlan(tree: BlockTree): Plan | undefined {
  const stages = tree.blocks.filter(
    ({ kind, section }) => kind === 'stage' && (section === 'down' || section === 'up'),
  );
  const dropped = stages.flatMap((stage) => secondPair(stage) ?? []).filter(({ droppable }) => droppable);
  return dropped.length === 0 ? undefined : { dropped: dropped.map(({ id }) => id) };
}

/** The cuts of papers as far as this model has their blocks: what a measured plan is compared with. */
export function publishedCuts(tree: BlockTree): readonly { readonly name: string; readonly plan: Plan }[] {
  const presets = presetsFor(tree).filter(({ plan }) => plan.dropped.length > 0);
  const bkSdm = bkSdmPlan(tree);
  return [
    ...presets.map(({ label, plan }) => ({ name: label, plan })),
    ...(bkSdm ? [{ name: 'BK-SDM pattern', plan: bkSdm }] : []),
  ];
}

/** Pair 1, counted from 0: the second of two, the middle of three. */
function secondPair(stage: Block): Block | undefined {
  return stage.children.filter(({ kind }) => kind === 'pair')[1];
}
