/** The one-line legend under the map: each kind of layer is a button that marks all of it; then what the fill is. */

import { useMemo } from 'react';
import type { BlockKind } from '../../blocks/block';
import { componentOf, indexBlocks, leaves } from '../../blocks/plan';
import { Icon } from '../parts/Icon';
import { useImportance } from '../store/importance';
import { useComponent, useShownTree } from '../store/mapped';
import { type Quantity, usePage, writePage } from '../store/page';
import { useStudio } from '../store/state';
import { formatAmount, largest, quantitiesFor, quantityNames } from './fill';
import { kindLetters, kindNames } from './names';

/** Where the legend has less room than the whole name needs. */
const shortKinds: Partial<Readonly<Record<BlockKind, string>>> = {
  spatial: 'Spatial',
  temporal: 'Temporal',
  'temporal-conv': 'Temporal conv.',
  sampler: 'Up or down',
  layer: 'Other',
};

export function Legend() {
  const tree = useShownTree();
  const component = useComponent();
  const importance = useImportance((state) => state.importance);
  const fingerprint = useStudio((state) => state.open?.fingerprint);
  // Damage and time are measured of one component's blocks at a time.
  const isOfShown = Object.keys(importance?.blocks ?? {}).some((id) => componentOf(id) === component);
  const quantities = quantitiesFor(isOfShown ? importance : null, fingerprint);
  const wanted = usePage((state) => state.quantity);
  const quantity = quantities.includes(wanted) ? wanted : 'parameters';
  const markedKind = usePage((state) => state.markedKind);
  const kinds = useMemo(() => {
    const counts = new Map<BlockKind, number>();
    for (const leaf of tree?.blocks.flatMap(leaves) ?? []) counts.set(leaf.kind, (counts.get(leaf.kind) ?? 0) + 1);
    // before and after the stages other layers have no letter
    const hasOthers = tree?.blocks.some((top) => leaves(top).some((leaf) => leaf !== top && leaf.kind === 'layer'));
    return [...counts].filter(([kind]) => kind !== 'layer' || hasOthers);
  }, [tree]);
  if (!tree) return null;
  const hasPairs = [...indexBlocks(tree).values()].some(({ block }) => block.kind === 'pair');
  return (
    <div className="legend" role="group" aria-label="Legend">
      {kinds.map(([kind, count]) => (
        <button
          key={kind}
          type="button"
          className={`legend-kind kind-${kind}`}
          aria-pressed={markedKind === kind}
          aria-label={`Mark all ${count} layers of the kind ${kindNames[kind]}`}
          onClick={() => writePage({ markedKind: markedKind === kind ? null : kind })}
          data-testid={`legend-${kind}`}
        >
          <span className="letter">{kindLetters[kind]}</span> {shortKinds[kind] ?? kindNames[kind]}
        </button>
      ))}
      <span className="legend-part">
        <b className="legend-number">0</b> whole {hasPairs ? 'pair' : 'block'}
      </span>
      <span className="legend-part">
        <i className="legend-off" /> off
      </span>
      <span className="legend-part">
        <Icon name="lock" size={10} /> has to stay
      </span>
      <span className="legend-part">
        <i className="legend-fill" />
        <select
          className="field"
          aria-label="What fills the cells"
          value={quantity}
          onChange={(event) => writePage({ quantity: event.target.value as Quantity })}
          data-testid="quantity"
        >
          {quantities.map((value) => (
            <option key={value} value={value}>
              {quantityNames[value]}
            </option>
          ))}
        </select>
        <span data-testid="legend-fill">full: {formatAmount(largest(tree, quantity, importance), quantity)}</span>
      </span>
    </div>
  );
}
