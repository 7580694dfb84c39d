/**
 * The page's own choices, beside the studio's state: which quantity fills the map, which layers are marked, what is
 * unfolded, which tab is up, what was typed. Nothing here concerns the engine; what should survive a reload is kept.
 */
import { create } from 'zustand';
import type { BlockKind } from '../../blocks/block';
import type { ComponentId } from '../../blocks/plan';

export type Quantity = 'parameters' | 'macs' | 'time' | 'content' | 'motion';

export interface PageState {
  /** Whose blocks the map shows, where the model has it. */
  readonly component: ComponentId;
  /** What the cells of the map are filled with. */
  readonly quantity: Quantity;
  /** Text that the marked layers have in their name or path; '' marks none. */
  readonly search: string;
  /** A kind whose layers are marked. */
  readonly markedKind: BlockKind | null;
  /** The charts and the lesser figures under the verdict are shown. */
  readonly detailsShown: boolean;
  /** Tab of the dock: 'compare', or one of those that other folders add. */
  readonly tab: string;
  readonly hintDismissed: boolean;
  readonly shortcutsShown: boolean;
  /** The address in the dialog for opening models: kept until a model came from it. */
  readonly typedUrl: string;
  readonly keepUrl: boolean;
}

const kept = ['quantity', 'detailsShown', 'hintDismissed'] as const;
const key = 'vdmini-studio/page';

const initial: PageState = {
  component: 'denoiser',
  quantity: 'parameters',
  search: '',
  markedKind: null,
  detailsShown: false,
  tab: 'compare',
  hintDismissed: false,
  shortcutsShown: false,
  typedUrl: '',
  keepUrl: true,
};

export const usePage = create<PageState>()(() => ({ ...initial, ...restored() }));

export const readPage = usePage.getState;

export function writePage(change: Partial<PageState>): void {
  usePage.setState(change);
  const state = readPage();
  try {
    localStorage.setItem(key, JSON.stringify(Object.fromEntries(kept.map((name) => [name, state[name]]))));
  } catch {
    // storage is full or forbidden: the page works, it only forgets
  }
}

/** What was kept, as far as it is what is kept here; anything else counts as not kept. */
function restored(): Partial<PageState> {
  try {
    const stored = JSON.parse(localStorage.getItem(key) ?? '{}') as Record<string, unknown> | null;
    return {
      ...(stored?.['quantity'] === 'macs' ? { quantity: 'macs' as const } : {}), // the measured ones need data first
      ...(stored?.['detailsShown'] === true ? { detailsShown: true } : {}),
      ...(stored?.['hintDismissed'] === true ? { hintDismissed: true } : {}),
    };
  } catch {
    return {};
  }
}

/** Brings up a tab of the dock and, where the page is one column, the dock itself. */
export function showTab(tab: string): void {
  writePage({ tab });
  document.getElementById('dock')?.scrollIntoView({ block: 'nearest' });
}
