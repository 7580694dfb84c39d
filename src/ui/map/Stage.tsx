/** One stage of the U: its head switches the whole, its rows the pairs and layers. */

import type { CSSProperties } from 'react';
import type { Block } from '../../blocks/block';
import { blockState, goneIds } from '../../blocks/plan';
import { present } from '../../errors/present';
import { useTree } from '../store/mapped';
import { useStudio } from '../store/state';
import { Cell, LayerCell } from './Cell';
import { namesOf, shortName } from './names';
import { rowsOf } from './shape';

export interface StageProps {
  readonly block: Block;
  readonly side: 'down' | 'up' | 'mid';
}

export function Stage({ block, side }: StageProps) {
  const tree = useTree();
  const state = useStudio((studio) => blockState(tree, block, goneIds(tree, studio.plan)));
  const name = shortName(tree, block);
  const { rows, samplers } = rowsOf(block);
  // The signal climbs the up side, so its first pair is drawn at the bottom.
  const drawn = side === 'up' ? [...rows].reverse() : rows;
  const indent = side === 'mid' ? 0 : block.level;
  return (
    <div
      className={`stage ${side}`}
      style={{ '--indent': indent } as CSSProperties}
      data-state={state}
      role="group"
      aria-label={name}
    >
      <div className="stage-head">
        <Cell block={block} look="head">
          <span className="stage-name">{name}</span>
        </Cell>
        {samplers.map((sampler) => (
          <Cell key={sampler.id} block={sampler} look="layer" name={samplerName(namesOf(tree), sampler, name, side)}>
            <span className="letter">{side === 'down' ? '↓' : '↑'}</span>
          </Cell>
        ))}
      </div>
      {drawn.map((row, i) => (
        <div
          key={row.pair?.id ?? present(row.layers[0]).id}
          className="row"
          style={{ '--cells': row.layers.length } as CSSProperties}
        >
          {row.pair && (
            <Cell block={row.pair} look="handle">
              <span className="handle-name">{side === 'up' ? drawn.length - 1 - i : i}</span>
            </Cell>
          )}
          {row.layers.map((layer) => (
            <LayerCell key={layer.id} block={layer} />
          ))}
        </div>
      ))}
    </div>
  );
}

function samplerName(names: ReadonlyMap<string, string>, sampler: Block, stage: string, side: string): string {
  const name = `${stage}, ${side === 'down' ? 'downsampler' : 'upsampler'}`;
  return names.get(sampler.id)?.includes('(') ? `${name} (${sampler.id})` : name;
}
