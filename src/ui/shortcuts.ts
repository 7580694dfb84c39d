/** Keys of the whole page; fields and dialogs keep theirs. */
import { redo, undo } from './store/edit';
import { writePage } from './store/page';
import { setView, stepFrames, togglePlay } from './store/player';
import { resetViewport, setSwapped } from './store/viewport';

const actions: Readonly<Record<string, () => void>> = {
  ' ': togglePlay,
  k: togglePlay,
  ',': () => stepFrames(-1),
  '.': () => stepFrames(1),
  '1': () => setView('side-by-side'),
  '2': () => setView('wipe'),
  '3': () => setView('difference'),
  '0': resetViewport,
  x: () => setSwapped(true),
  '?': () => writePage({ shortcutsShown: true }),
  '/': () => document.querySelector<HTMLElement>('.map-search')?.focus(),
};

export function onShortcut(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (target.closest('input, textarea, select, dialog')) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    const action = key === 'z' ? (event.shiftKey ? redo : undo) : key === 'y' ? redo : null;
    if (!action) return;
    event.preventDefault();
    action();
    return;
  }
  if (event.altKey || (key === ' ' && target.closest('button'))) return; // space presses the focused button
  const action = actions[key];
  if (!action) return;
  event.preventDefault();
  action();
}

/** What was held is let go, wherever the focus went meanwhile. */
export function onShortcutEnd(event: KeyboardEvent): void {
  if (event.key.toLowerCase() === 'x') setSwapped(false);
}
