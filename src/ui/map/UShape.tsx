/** A U-Net as a U: stages by level on both sides, the skips between them, the mid block at the bottom. */

import { Fragment } from 'react';
import type { Block } from '../../blocks/block';
import { goneIds } from '../../blocks/plan';
import { Icon } from '../parts/Icon';
import { useTree } from '../store/mapped';
import { useStudio } from '../store/state';
import { Cell, LayerCell } from './Cell';
import { Ends } from './Ends';
import { Stage } from './Stage';
import type { Level, MapShape } from './shape';

export function UShape({ shape }: { readonly shape: MapShape }) {
  return (
    <div className="u">
      <Ends blocks={shape.inlet} label="Input" side="left" />
      <Ends blocks={shape.outlet} label="Output" side="right" />
      {shape.levels.map((level, i) => (
        <Fragment key={level.level}>
          {i > 0 && <Boundary groups={level.groups} />}
          <div className="column down">
            {level.down.map((block) => (
              <StageOrLayer key={block.id} block={block} side="down" />
            ))}
          </div>
          <SkipLine level={level} />
          <div className="column up">
            {level.up.map((block) => (
              <StageOrLayer key={block.id} block={block} side="up" />
            ))}
          </div>
        </Fragment>
      ))}
      {shape.mid.length > 0 && (
        <>
          <Boundary groups={shape.midGroups} />
          <div className="mid-column">
            {shape.mid.map((block) => (
              <StageOrLayer key={block.id} block={block} side="mid" />
            ))}
          </div>
        </>
      )}
    </div>
  );
}

function StageOrLayer({ block, side }: { readonly block: Block; readonly side: 'down' | 'up' | 'mid' }) {
  return block.children.length > 0 ? <Stage block={block} side={side} /> : <LayerCell block={block} />;
}

/** Between two levels: the flow's arrows and the switches of everything below. */
function Boundary({ groups }: { readonly groups: readonly Block[] }) {
  return (
    <div className="boundary">
      <span className="flow" aria-hidden="true">
        ↓
      </span>
      <span className="cut">
        {groups.map((group) => (
          <Cell key={group.id} block={group} look="group">
            <Icon name="down" size={12} />
            <GroupLabel group={group} />
          </Cell>
        ))}
      </span>
      <span className="flow" aria-hidden="true">
        ↑
      </span>
    </div>
  );
}

function GroupLabel({ group }: { readonly group: Block }) {
  const tree = useTree();
  const off = useStudio((state) => goneIds(tree, state.plan).has(group.id));
  return off ? 'Everything below is dropped' : 'Drop everything below';
}

/** The skip connections of one level; faint when one of its ends is gone. */
function SkipLine({ level }: { readonly level: Level }) {
  const tree = useTree();
  const broken = useStudio((state) => {
    const gone = goneIds(tree, state.plan);
    const all = (blocks: readonly Block[]) => blocks.length === 0 || blocks.every((block) => gone.has(block.id));
    return all(level.down) || all(level.up);
  });
  return (
    <svg
      className="skip"
      data-broken={broken || undefined}
      viewBox="0 0 40 10"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d="M0 5H40" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
