/** Finding layers: a search by words, and what can be done with all that it or a kind marks. */

import { goneIds, indexBlocks, setBlocks } from '../../blocks/plan';
import { present } from '../../errors/present';
import { setPlan } from '../store/edit';
import { mappedOf, planTreeOf, useShownTree } from '../store/mapped';
import { usePage, writePage } from '../store/page';
import { read, useStudio } from '../store/state';
import { useMarkedLayers } from './marked';

export function LayerSearch() {
  const search = usePage((state) => state.search);
  const model = useStudio((state) => mappedOf(state) !== null);
  return (
    <input
      className="field map-search"
      type="search"
      placeholder="Find layers"
      aria-label="Find layers by name, kind or path"
      value={search}
      disabled={!model}
      spellCheck={false}
      onChange={(event) => writePage({ search: event.target.value })}
      onKeyDown={(event) => event.key === 'Escape' && writePage({ search: '' })}
      data-testid="map-search"
    />
  );
}

/** How many layers are marked, and switches for all of them. */
export function MarkedLine() {
  const marked = useMarkedLayers();
  const open = useStudio(mappedOf);
  const tree = useShownTree();
  const plan = useStudio((state) => state.plan);
  if (!marked || !open || !tree) return null;
  const index = indexBlocks(tree);
  const gone = goneIds(tree, plan);
  const on = marked.filter((id) => present(index.get(id)).block.droppable && !gone.has(id));
  const off = marked.filter((id) => gone.has(id));
  const set = (ids: readonly string[], turnOn: boolean) =>
    setPlan(setBlocks(planTreeOf(open), read().plan, ids, turnOn));
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
