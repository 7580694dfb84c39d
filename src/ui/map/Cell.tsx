/** One switch of the map: a layer, a pair's handle, a stage's head or a group. Every cell is a real button. */
import type { CSSProperties, MouseEvent, ReactNode } from 'react';
import type { Block } from '../../blocks/block';
import { formatPercent } from '../format';
import { Icon } from '../parts/Icon';
import { blockState, goneIds, indexBlocks } from '../plan/edits';
import { explainBlock, focusBlock, hoverBlock, toggleBlock } from '../store/edit';
import { useStudio } from '../store/state';
import { kindLetters, kindNames, scaleOf } from './shape';

export interface CellProps {
  readonly block: Block;
  readonly look: 'layer' | 'handle' | 'head' | 'group';
  readonly name: string;
  readonly children?: ReactNode;
}

export function Cell({ block, look, name, children }: CellProps) {
  const tree = useStudio((state) => state.open!.tree);
  const state = useStudio((studio) => blockState(tree, block, goneIds(tree, studio.plan)));
  const tried = useStudio(({ tried: plan }) =>
    plan === null ? null : goneIds(tree, plan).has(block.id) ? 'off' : 'on',
  );
  const isTabStop = useStudio((studio) => studio.focusedId === block.id);
  const locked = !block.droppable && !canComeBack(tree, block.id, state);
  const onClick = (event: MouseEvent) => {
    focusBlock(block.id);
    if (locked) explainBlock(block);
    else toggleBlock(block.id, event.shiftKey);
  };
  const { totals } = tree;
  const shares = `${formatPercent(block.parameters / Math.max(1, totals.parameters))} of parameters, ${formatPercent(block.macs / Math.max(1, totals.macs))} of MACs`;
  return (
    <button
      type="button"
      className={`cell ${look} kind-${block.kind}`}
      role="switch"
      aria-checked={state !== 'off'}
      aria-disabled={locked || undefined}
      aria-label={`${name}, ${kindNames[block.kind]}, ${shares}${state === 'mixed' ? ', partly off' : ''}${locked ? `. Cannot be dropped: ${block.reason}` : ''}`}
      title={locked ? block.reason : undefined}
      tabIndex={isTabStop ? 0 : -1}
      onClick={onClick}
      onFocus={() => focusBlock(block.id)}
      onPointerEnter={() => hoverBlock(block.id)}
      onPointerLeave={() => hoverBlock(null)}
      data-block-id={block.id}
      data-state={state}
      data-locked={locked || undefined}
      data-tried={tried !== null && (tried === 'off') !== (state === 'off') ? tried : undefined}
      data-testid="block-cell"
    >
      {children}
      {locked && (
        <span className="cell-lock">
          <Icon name="lock" size={9} />
        </span>
      )}
    </button>
  );
}

/** A block that cannot go by itself but went with its parent or group can be switched on again. */
function canComeBack(tree: Parameters<typeof indexBlocks>[0], id: string, state: string): boolean {
  return state === 'off' && indexBlocks(tree).has(id);
}

/** Two bars: share of parameters and of MACs, full for the largest layer of the model. */
export function Bars({ block, wide = false }: { readonly block: Block; readonly wide?: boolean }) {
  const tree = useStudio((state) => state.open!.tree);
  const scale = wide ? tree.totals : scaleOf(tree);
  const style = {
    '--p': Math.min(1, block.parameters / Math.max(1, scale.parameters)).toFixed(3),
    '--m': Math.min(1, block.macs / Math.max(1, scale.macs)).toFixed(3),
  } as CSSProperties;
  return (
    <span className={wide ? 'bars wide' : 'bars'} style={style} aria-hidden="true">
      <i className="p" />
      <i className="m" />
    </span>
  );
}

export function LayerCell({ block, name }: { readonly block: Block; readonly name: string }) {
  return (
    <Cell block={block} look="layer" name={name}>
      <span className="letter">{kindLetters[block.kind]}</span>
      <Bars block={block} />
    </Cell>
  );
}
