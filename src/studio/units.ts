/** What is switched off as one of the denoiser: layers, pairs, stages, or contiguous runs of transformer blocks. */

import type { Block, BlockTree } from '../blocks/block';
import type { Plan } from '../blocks/plan';
import { present } from '../errors/present';

export type DenoiserUnitKind = 'layers' | 'pairs' | 'stages' | 'runs';
/** 'decoder': the layers of the other component whose blocks can go (`decoderUnits`). */
export type UnitKind = DenoiserUnitKind | 'decoder';

/** Something that is switched off as one. */
export interface Unit {
  /** Of the block, or 'first..last' of a run. */
  readonly id: string;
  readonly plan: Plan;
  readonly kind: string;
  readonly section: string;
  readonly level: number;
  readonly depth: number;
  readonly parameters: number;
  readonly macs: number;
}

/** Longest contiguous run of transformer blocks that is offered. */
const LONGEST_RUN = 6;

/** What can go, as units of one kind. Ids of children of dropped parents are not repeated. */
export function unitsOf(tree: BlockTree, kind: DenoiserUnitKind): readonly Unit[] {
  const droppable = (block: Block): boolean => block.droppable;
  if (kind === 'stages') return [...tree.blocks.filter(droppable), ...tree.groups.filter(droppable)].map(unitOf);
  if (kind === 'runs') return runsOf(tree.blocks.filter(({ kind: of }) => of === 'transformer'));
  const wanted = (block: Block): readonly Block[] => {
    const inner = block.children.flatMap(wanted);
    const isPair = kind === 'pairs' && (block.kind === 'pair' || block.kind === 'transformer');
    return droppable(block) && (isPair || inner.length === 0) ? [block] : inner;
  };
  return tree.blocks.flatMap(wanted).map(unitOf);
}

function unitOf({ id, kind, section, level, depth, parameters, macs }: Block): Unit {
  return { id, plan: { dropped: [id] }, kind, section, level, depth, parameters, macs };
}

function runsOf(blocks: readonly Block[]): readonly Unit[] {
  const runs: Unit[] = [];
  for (let first = 0; first < blocks.length; first++) {
    for (let length = 1; length <= LONGEST_RUN && first + length <= blocks.length; length++) {
      const run = blocks.slice(first, first + length);
      if (!run.every(({ droppable }) => droppable)) break;
      const sum = (key: 'parameters' | 'macs') => run.reduce((total, block) => total + block[key], 0);
      const id = length === 1 ? present(run[0]).id : `${present(run[0]).id}..${present(run.at(-1)).id}`;
      runs.push({
        ...unitOf(present(run[0])),
        id,
        kind: length === 1 ? 'transformer' : 'run',
        plan: { dropped: run.map((block) => block.id) },
        parameters: sum('parameters'),
        macs: sum('macs'),
      });
    }
  }
  return runs;
}
