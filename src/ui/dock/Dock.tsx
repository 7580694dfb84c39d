/** Under the clips: the panels of comparing, measuring and healing, one at a time. */

import type { KeyboardEvent } from 'react';
import { present } from '../../errors/present';
import { showTab, usePage } from '../store/page';
import { dockTabs } from './tabs';
import { UnhealedBanner } from './UnhealedBanner';
import './dock.css';

export function Dock() {
  const wanted = usePage((state) => state.tab);
  const shown = dockTabs.find(({ id }) => id === wanted) ?? present(dockTabs[0]);
  const many = dockTabs.length > 1;
  return (
    <div className="dock" id="dock" data-tab={shown.id}>
      {many && <Tabs shown={shown.id} />}
      <UnhealedBanner />
      <div
        className="dock-panel"
        id="dock-panel"
        {...(many ? { role: 'tabpanel', 'aria-labelledby': `tab-${shown.id}` } : {})}
      >
        <shown.Panel />
      </div>
    </div>
  );
}

function Tabs({ shown }: { readonly shown: string }) {
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const at = dockTabs.findIndex(({ id }) => id === shown);
    const next = (at + by + dockTabs.length) % dockTabs.length;
    showTab(present(dockTabs[next]).id);
    (event.currentTarget.children[next] as HTMLElement).focus();
  };
  return (
    <div className="dock-tabs" role="tablist" aria-label="Panels" onKeyDown={onKeyDown}>
      {dockTabs.map(({ id, label }) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`tab-${id}`}
          aria-selected={id === shown}
          aria-controls="dock-panel"
          tabIndex={id === shown ? 0 : -1}
          onClick={() => showTab(id)}
          data-testid={`tab-${id}`}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
