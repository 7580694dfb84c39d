/** One stage of the U (or one block of a list): its head switches the whole, its rows the pairs and layers. */
import type { CSSProperties } from 'react';
import type { Block } from '../../blocks/block';
import { blockState, goneIds } from '../plan/edits';
import { useStudio } from '../store/state';
import { Bars, Cell, LayerCell } from './Cell';
import { kindNames, rowsOf, shortName } from './shape';

export interface StageProps {
  readonly block: Block;
  readonly side: 'down' | 'up' | 'mid';
}

export function Stage({ block, side }: StageProps) {
  const tree = useStudio((state) => state.open!.tree);
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
        <Cell block={block} look="head" name={name}>
          <span className="stage-name">{name}</span>
          <Bars block={block} wide />
        </Cell>
        {samplers.map((sampler) => (
          <Cell
            key={sampler.id}
            block={sampler}
            look="layer"
            name={`${name} ${side === 'down' ? 'downsampler' : 'upsampler'}`}
          >
            <span className="letter">{side === 'down' ? '↓' : '↑'}</span>
            <Bars block={sampler} />
          </Cell>
        ))}
      </div>
      {drawn.map((row, i) => (
        <div key={row.pair?.id ?? row.layers[0]!.id} className="row">
          {row.pair && (
            <Cell block={row.pair} look="handle" name={`${name} pair ${side === 'up' ? drawn.length - 1 - i : i}`}>
              {side === 'up' ? drawn.length - 1 - i : i}
            </Cell>
          )}
          {row.layers.map((layer) => (
            <LayerCell key={layer.id} block={layer} name={`${name} ${kindNames[layer.kind]}`} />
          ))}
        </div>
      ))}
    </div>
  );
}
