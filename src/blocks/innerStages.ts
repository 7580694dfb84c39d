/**
 * Units that cross stages: everything below one resolution (the deepest stages of both sides, the mid block and the
 * samplers around them). It can go where the skip that meets the hidden state above it has the same shape.
 */
import { present } from '../errors/present';
import type { Block } from './block';
import type { Flow } from './flow';
import { sameType } from './flow';
import type { UNet } from './unetTree';

/** Deepest first: id `inner_stages.L` removes level L and deeper. */
export function innerStages(flow: Flow, unet: UNet, blocks: readonly Block[]): readonly Block[] {
  const index = new Map<string, Block>();
  const add = (block: Block): void => {
    index.set(block.id, block);
    block.children.forEach(add);
  };
  blocks.forEach(add);
  return unet.inner
    .filter(({ join }) => sameType(flow, join.hidden, join.skip))
    .map(({ level, join, members }): Block => {
      const parts = members.map((id) => present(index.get(id)));
      const sum = (key: 'parameters' | 'bytes' | 'macs') => parts.reduce((total, part) => total + part[key], 0);
      const [exit, entry] = [present(flow.names[join.hidden]), present(flow.names[join.skip])];
      return {
        id: `inner_stages.${level}`,
        kind: 'inner-stages',
        section: 'mid',
        level,
        depth: Math.min(...parts.map(({ depth }) => depth)),
        parameters: sum('parameters'),
        bytes: sum('bytes'),
        macs: sum('macs'),
        droppable: true,
        rewires: [{ exit, entry }],
        children: [],
        members,
        output: exit,
      };
    })
    .sort((a, b) => b.level - a.level);
}
