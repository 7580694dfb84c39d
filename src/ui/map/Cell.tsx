/** One switch of the map: a layer, a pair's handle, a stage's head or a group. Every cell is a real button. */

import type { CSSProperties, MouseEvent, ReactNode } from 'react';
import type { Block } from '../../blocks/block';
import { blockState, goneIds, indexBlocks } from '../../blocks/plan';
import { formatPercent } from '../format';
import { Icon } from '../parts/Icon';
import { explainBlock, focusBlock, hoverBlock, toggleBlock } from '../store/edit';
import { useIdCheck } from '../store/idCheck';
import { useImportance } from '../store/importance';
import { useTree } from '../store/mapped';
import { usePage } from '../store/page';
import { useStudio } from '../store/state';
import { fillOf } from './fill';
import { verdictWords } from './IdCheck';
import { useMarked } from './marked';
import { kindLetters, kindNames, namesOf } from './names';

export interface CellProps {
  readonly block: Block;
  readonly look: 'layer' | 'handle' | 'head' | 'group';
  /** Only where the block's own name would not do. */
  readonly name?: string;
  readonly children?: ReactNode;
}

export function Cell({ block, look, name, children }: CellProps) {
  const tree = useTree();
  const state = useStudio((studio) => blockState(tree, block, goneIds(tree, studio.plan)));
  const tried = useStudio(({ tried: plan }) =>
    plan === null ? null : goneIds(tree, plan).has(block.id) ? 'off' : 'on',
  );
  const isTabStop = useStudio((studio) => studio.focusedId === block.id);
  const marked = useMarked(block.id);
  const verdict = useIdCheck((check) => check.verdicts[block.id]?.verdict);
  const locked = !block.droppable && !canComeBack(tree, block.id, state);
  const onClick = (event: MouseEvent) => {
    focusBlock(block.id);
    if (locked) explainBlock(block);
    else toggleBlock(block.id, event.shiftKey);
  };
  const { totals } = tree;
  const called = name ?? namesOf(tree).get(block.id) ?? block.id;
  const shares = `${formatPercent(block.parameters / Math.max(1, totals.parameters))} of parameters, ${formatPercent(block.macs / Math.max(1, totals.macs))} of MACs`;
  return (
    <button
      type="button"
      className={`cell ${look} kind-${block.kind}`}
      role="switch"
      aria-checked={state !== 'off'}
      aria-disabled={locked || undefined}
      aria-label={`${called}, ${shares}${state === 'mixed' ? ', partly off' : ''}${locked ? `. Cannot be dropped: ${block.reason}` : ''}${verdict ? `. ${verdictWords[verdict]}` : ''}`}
      tabIndex={isTabStop ? 0 : -1}
      onClick={onClick}
      onFocus={() => focusBlock(block.id)}
      onPointerEnter={() => hoverBlock(block.id)}
      onPointerLeave={() => hoverBlock(null)}
      data-block-id={block.id}
      data-state={state}
      data-locked={locked || undefined}
      data-marked={marked === null ? undefined : marked}
      data-id-verdict={verdict}
      data-tried={tried !== null && (tried === 'off') !== (state === 'off') ? tried : undefined}
      data-testid="block-cell"
    >
      {look !== 'group' && <FillOfCell block={block} whole={look === 'head'} />}
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

/** The chosen quantity as the cell's ground: full for the layer with most of it, of stages next to the whole model. */
function FillOfCell({ block, whole }: { readonly block: Block; readonly whole: boolean }) {
  const tree = useTree();
  const quantity = usePage((state) => state.quantity);
  const importance = useImportance((state) => state.importance);
  const fill = fillOf(tree, block, quantity, importance, whole);
  if (!fill) return null;
  return (
    <>
      <span
        className="fill"
        data-damage={quantity === 'content' || quantity === 'motion' || undefined}
        style={{ '--f': fill.share.toFixed(3) } as CSSProperties}
        aria-hidden="true"
      />
      <span className="cell-value" aria-hidden="true">
        {fill.text}
      </span>
    </>
  );
}

export function LayerCell({ block }: { readonly block: Block }) {
  return (
    <Cell block={block} look="layer">
      <span className="letter">{kindLetters[block.kind]}</span>
      <span className="cell-kind">{kindNames[block.kind]}</span>
    </Cell>
  );
}
