/** The info line under the map: what the cell under the pointer (or with the focus) is, costs, and why it is fixed. */

import { blockState, goneIds, indexBlocks } from '../../blocks/plan';
import { formatBytes, formatMacs, formatParameters, formatPercent } from '../format';
import { Icon } from '../parts/Icon';
import { useIdCheck } from '../store/idCheck';
import { useShownTree } from '../store/mapped';
import { useStudio } from '../store/state';
import { verdictWords } from './IdCheck';
import { kindNames, namesOf } from './names';

export function Details() {
  const tree = useShownTree();
  const id = useStudio((state) => state.hoveredId ?? state.focusedId);
  const plan = useStudio((state) => state.plan);
  const verdicts = useIdCheck((check) => check.verdicts);
  const block = tree && id !== null ? indexBlocks(tree).get(id)?.block : undefined;
  if (!tree || !block) return <div className="details" />;
  const { totals } = tree;
  const verdict = verdicts[block.id]?.verdict;
  const state = blockState(tree, block, goneIds(tree, plan));
  const name = namesOf(tree).get(block.id) ?? kindNames[block.kind];
  return (
    <div className="details" data-testid="block-details">
      <div className="details-head">
        <span className={`details-kind kind-${block.kind}`}>{name}</span>
        {name !== block.id && <code className="truncate">{block.id}</code>}
        <span className={`pill ${state === 'off' ? 'off' : ''}`}>{state === 'mixed' ? 'partly off' : state}</span>
      </div>
      <dl className="details-figures">
        <Figure
          name="Parameters"
          value={formatParameters(block.parameters)}
          share={block.parameters / Math.max(1, totals.parameters)}
        />
        <Figure name="MACs" value={formatMacs(block.macs)} share={block.macs / Math.max(1, totals.macs)} />
        <Figure name="Bytes" value={formatBytes(block.bytes)} share={block.bytes / Math.max(1, totals.bytes)} />
      </dl>
      {verdict && (
        <p className="details-reason" data-testid="details-id-verdict">
          {verdictWords[verdict]}
        </p>
      )}
      {block.reason && (
        <p className="details-reason">
          <Icon name="lock" size={11} />
          <span>{block.reason}</span>
        </p>
      )}
    </div>
  );
}

function Figure({ name, value, share }: { readonly name: string; readonly value: string; readonly share: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value} <span className="faint">{formatPercent(share)}</span>
      </dd>
    </div>
  );
}
