/** What fills the map, and finding layers: a search by words, and what can be done with all that it marks. */
import { Segmented } from '../parts/Segmented';
import { goneIds, indexBlocks, setBlocks } from '../plan/edits';
import { setPlan } from '../store/edit';
import { useImportance } from '../store/importance';
import { type Quantity, usePage, writePage } from '../store/page';
import { read, useStudio } from '../store/state';
import { quantitiesFor, quantityNames } from './fill';
import { useMarkedLayers } from './marked';

export function MapTools() {
  const open = useStudio((state) => state.open);
  const quantity = usePage((state) => state.quantity);
  const search = usePage((state) => state.search);
  const importance = useImportance((state) => state.importance);
  const quantities = quantitiesFor(importance, open?.fingerprint);
  return (
    <div className="map-tools">
      <Segmented<Quantity>
        label="What fills the cells"
        choices={quantities.map((value) => ({ value, label: quantityNames[value] }))}
        value={quantities.includes(quantity) ? quantity : 'parameters'}
        onChange={(value) => writePage({ quantity: value })}
        testId="quantity"
      />
      <input
        className="field map-search"
        type="search"
        placeholder="Find layers"
        aria-label="Find layers by name, kind or path"
        value={search}
        disabled={!open}
        spellCheck={false}
        onChange={(event) => writePage({ search: event.target.value })}
        onKeyDown={(event) => event.key === 'Escape' && writePage({ search: '' })}
        data-testid="map-search"
      />
      <MarkedLine />
    </div>
  );
}

/** How many layers are marked, and switches for all of them. */
function MarkedLine() {
  const marked = useMarkedLayers();
  const open = useStudio((state) => state.open);
  const plan = useStudio((state) => state.plan);
  if (!marked || !open) return null;
  const index = indexBlocks(open.tree);
  const gone = goneIds(open.tree, plan);
  const on = marked.filter((id) => index.get(id)!.block.droppable && !gone.has(id));
  const off = marked.filter((id) => gone.has(id));
  const set = (ids: readonly string[], turnOn: boolean) => setPlan(setBlocks(open.tree, read().plan, ids, turnOn));
  return (
    <div className="marked-line" role="group" aria-label="Marked layers" data-testid="marked">
      <span role="status">
        {marked.length === 0 ? 'No layer matches' : `${marked.length} ${marked.length === 1 ? 'layer' : 'layers'}`}
      </span>
      <button
        type="button"
        className="button small"
        disabled={on.length === 0}
        onClick={() => set(on, false)}
        data-testid="marked-drop"
      >
        Drop {on.length > 0 ? on.length : ''}
      </button>
      <button
        type="button"
        className="button small"
        disabled={off.length === 0}
        onClick={() => set(off, true)}
        data-testid="marked-restore"
      >
        Restore {off.length > 0 ? off.length : ''}
      </button>
      <button
        type="button"
        className="button quiet small"
        onClick={() => writePage({ search: '', markedKind: null })}
        data-testid="marked-clear"
      >
        Clear
      </button>
    </div>
  );
}
