/**
 * The block map: the U as a U, or a wrapped list for transformers. Cells are switches with one tab stop; arrows
 * move by position, space toggles, shift takes the range from the last one touched.
 */
import { type CSSProperties, Fragment, type KeyboardEvent, useMemo, useRef } from 'react';
import type { Block } from '../../blocks/block';
import { Icon } from '../parts/Icon';
import { goneIds } from '../plan/edits';
import { focusBlock, toggleBlock } from '../store/edit';
import { useStudio } from '../store/state';
import { Bars, Cell, LayerCell } from './Cell';
import { Details } from './Details';
import { isDirection, nearest, spotsIn } from './keyboard';
import { MapHead } from './MapHead';
import { Stage } from './Stage';
import { kindNames, type Level, layersBelow, type MapShape, seriesOf, shapeOf } from './shape';
import { TotalsTable } from './TotalsTable';
import './cells.css';
import './details.css';
import './map.css';

export function BlockMap() {
  const open = useStudio((state) => state.open);
  return (
    <section className="map" aria-label="Block map">
      <MapHead />
      {open ? <MapBody key={open.fingerprint} /> : <EmptyMap />}
      <Details />
      <TotalsTable />
    </section>
  );
}

function MapBody() {
  const tree = useStudio((state) => state.open!.tree);
  const shape = useMemo(() => shapeOf(tree), [tree]);
  const root = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const id = (event.target as HTMLElement).dataset['blockId'];
    if (id === undefined) return;
    if (isDirection(event.key)) {
      event.preventDefault();
      const next = nearest(spotsIn(root.current!), id, event.key);
      if (next === null) return;
      focusBlock(next);
      root.current!.querySelector<HTMLElement>(`[data-block-id="${CSS.escape(next)}"]`)?.focus();
    } else if (event.key === ' ' && event.shiftKey) {
      event.preventDefault();
      event.stopPropagation();
      if ((event.target as HTMLElement).ariaDisabled !== 'true') toggleBlock(id, true);
    } else if (event.key === ' ') event.stopPropagation(); // the button toggles; the player must not
  };
  return (
    <div
      className="map-body"
      ref={root}
      onKeyDown={onKeyDown}
      role="group"
      aria-label="Blocks of the denoiser"
      data-testid="block-map"
    >
      {shape.kind === 'u' ? <UShape shape={shape} /> : <ListShape shape={shape} />}
      {tree.notes.length > 0 && (
        <ul className="map-notes">
          {tree.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function UShape({ shape }: { readonly shape: MapShape }) {
  return (
    <div className="u">
      <Ends blocks={shape.inlet} label="in" side="left" />
      <Ends blocks={shape.outlet} label="out" side="right" />
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
  return block.children.length > 0 ? (
    <Stage block={block} side={side} />
  ) : (
    <LayerCell block={block} name={kindNames[block.kind]} />
  );
}

/** What stands before and after the blocks: convolutions, embeddings. Named where it can be switched, else small. */
function Ends({
  blocks,
  label,
  side,
}: {
  readonly blocks: readonly Block[];
  readonly label: string;
  readonly side: 'left' | 'right';
}) {
  return (
    <div className={`ends ${side}`}>
      <span className="ends-label">{label}</span>
      {blocks
        .filter((block) => block.parameters > 0 || block.macs > 0)
        .map((block) => (
          <Fragment key={block.id}>
            <Cell block={block} look="layer" name={block.id}>
              {block.droppable && <span className="truncate">{block.id.split(/[./]/).at(-1)}</span>}
              <Bars block={block} />
            </Cell>
            {layersBelow(block).map((layer) => (
              <LayerCell key={layer.id} block={layer} name={`${block.id} ${kindNames[layer.kind]}`} />
            ))}
          </Fragment>
        ))}
    </div>
  );
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
          <Cell key={group.id} block={group} look="group" name="Everything below this line">
            <Icon name="down" size={12} />
            inner stages
          </Cell>
        ))}
      </span>
      <span className="flow" aria-hidden="true">
        ↑
      </span>
    </div>
  );
}

/** The skip connections of one level; faint when one of its ends is gone. */
function SkipLine({ level }: { readonly level: Level }) {
  const open = useStudio((state) => state.open!);
  const broken = useStudio((state) => {
    const gone = goneIds(open.tree, state.plan);
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

function ListShape({ shape }: { readonly shape: MapShape }) {
  return (
    <div className="list">
      <Ends blocks={shape.inlet} label="in" side="left" />
      {seriesOf(shape.body).map(({ name, blocks }) => (
        <section key={name} aria-label={name}>
          <h3 className="list-name">
            {name} <span className="faint">{blocks.length}</span>
          </h3>
          <div
            className="list-blocks"
            style={{ '--layers': Math.max(1, ...blocks.map((block) => layersBelow(block).length)) } as CSSProperties}
          >
            {blocks.map((block, i) => (
              <ListBlock key={block.id} block={block} number={i} />
            ))}
          </div>
        </section>
      ))}
      <Ends blocks={shape.outlet} label="out" side="right" />
    </div>
  );
}

function ListBlock({ block, number }: { readonly block: Block; readonly number: number }) {
  const layers = layersBelow(block);
  return (
    <div className="row">
      <Cell block={block} look={layers.length > 0 ? 'handle' : 'layer'} name={block.id}>
        {layers.length > 0 ? number : <span className="letter">{number}</span>}
        {layers.length === 0 && <Bars block={block} />}
      </Cell>
      {layers.map((layer) => (
        <LayerCell key={layer.id} block={layer} name={`${block.id} ${kindNames[layer.kind]}`} />
      ))}
    </div>
  );
}

function EmptyMap() {
  const opening = useStudio((state) => state.opening);
  return (
    <div className="map-body map-empty" aria-busy={opening !== null}>
      {opening ? (
        <div className="u ghost" aria-hidden="true">
          {[0, 1, 2, 3].map((level) => (
            <Fragment key={level}>
              <div className="ghost-stage" style={{ marginLeft: level * 8 }} />
              <div />
              <div className="ghost-stage" style={{ marginRight: level * 8 }} />
            </Fragment>
          ))}
          <div className="mid-column">
            <div className="ghost-stage mid" />
          </div>
        </div>
      ) : (
        <p className="faint">No model is open. Drop a folder or an .onnx file anywhere on this page.</p>
      )}
    </div>
  );
}
