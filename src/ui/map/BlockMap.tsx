/**
 * The block map: a U for U-Nets, a column for transformers. Cells are switches with one tab stop; arrows move by
 * position, space toggles, shift takes the range from the last one touched.
 */

import { Fragment, type KeyboardEvent, useMemo, useRef } from 'react';
import { present } from '../../errors/present';
import { focusBlock, toggleBlock } from '../store/edit';
import { mappedOf, useComponent, useTree } from '../store/mapped';
import { useStudio } from '../store/state';
import { ClipTime } from './ClipTime';
import { Column } from './Column';
import { Details } from './Details';
import { FirstHint } from './FirstHint';
import { IdCheck } from './IdCheck';
import { isDirection, nearest, spotsIn } from './keyboard';
import { MarkedLine } from './LayerSearch';
import { Legend } from './Legend';
import { MapHead } from './MapHead';
import { shapeOf } from './shape';
import { TotalsTable } from './TotalsTable';
import { UShape } from './UShape';
import './cells.css';
import './details.css';
import './map.css';

export function BlockMap() {
  const model = useStudio((state) => mappedOf(state)?.description.name);
  const component = useComponent();
  return (
    <section className="map" aria-label="Block map" id="map">
      <MapHead />
      <MarkedLine />
      {model === undefined ? <EmptyMap /> : <MapBody key={`${model} ${component}`} />}
      <Legend />
      <FirstHint />
      <Details />
      <TotalsTable />
      <div className="map-foot">
        <ClipTime />
        <IdCheck />
      </div>
    </section>
  );
}

function MapBody() {
  const tree = useTree();
  const component = useComponent();
  const shape = useMemo(() => shapeOf(tree), [tree]);
  const root = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const id = (event.target as HTMLElement).dataset['blockId'];
    if (id === undefined) return;
    if (isDirection(event.key)) {
      event.preventDefault();
      const next = nearest(spotsIn(present(root.current)), id, event.key);
      if (next === null) return;
      focusBlock(next);
      present(root.current)
        .querySelector<HTMLElement>(`[data-block-id="${CSS.escape(next)}"]`)
        ?.focus();
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
      aria-label={`Blocks of the ${component}`}
      data-testid="block-map"
    >
      {shape.kind === 'u' ? <UShape shape={shape} /> : <Column shape={shape} />}
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
