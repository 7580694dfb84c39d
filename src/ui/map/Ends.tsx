/** What stands before and after the blocks: convolutions, embeddings. Named where it can be switched, else small. */
import { Fragment } from 'react';
import type { Block } from '../../blocks/block';
import { Cell, LayerCell } from './Cell';
import { layersBelow } from './shape';

export interface EndsProps {
  readonly blocks: readonly Block[];
  readonly label: string;
  readonly side: 'left' | 'right';
}

export function Ends({ blocks, label, side }: EndsProps) {
  return (
    <div className={`ends ${side}`} role="group" aria-label={label}>
      <span className="ends-label" aria-hidden="true">
        {label}
      </span>
      {blocks
        .filter((block) => block.parameters > 0 || block.macs > 0)
        .map((block) => (
          <Fragment key={block.id}>
            <Cell block={block} look="layer">
              {block.droppable && <span className="truncate">{block.id.split(/[./]/).at(-1)}</span>}
            </Cell>
            {layersBelow(block).map((layer) => (
              <LayerCell key={layer.id} block={layer} />
            ))}
          </Fragment>
        ))}
    </div>
  );
}
