/** What happens on load: what was kept is restored, the engine is listened to, and a model opens by itself. */

import { bundledModels, bundledReference } from '../../library/bundledModels';
import type { EngineCounters } from '../../worker/protocol';
import { normalisePlan } from '../plan/edits';
import { planFromHash } from '../plan/hash';
import { setPlan } from './edit';
import { engine, showNotice } from './engine';
import { generate } from './generate';
import { openFolder } from './open';
import { keepChanges, keptFolder, restore } from './persistence';
import { read, write } from './state';

declare global {
  interface Window {
    /** For tests: what the engine counted since it started. */
    __vdmini?: { counters(): Promise<EngineCounters> };
  }
}

export function start(): void {
  restore();
  keepChanges();
  window.__vdmini = { counters: () => engine.counters({}) };
  engine.onStatus(({ status, event }) => {
    write({ status });
    if (event === 'device-lost') write({ device: 'lost' });
    if (event === 'device-remade') {
      write({ device: 'remade' });
      showNotice('The GPU is back. Plan, settings and clips were kept.');
      void generate();
    }
  });
  window.addEventListener('hashchange', () => {
    const { open } = read();
    const plan = planFromHash(window.location.hash) ?? { dropped: [] };
    if (open) setPlan(normalisePlan(open.tree, plan.dropped));
  });
  void openFirst();
}

/** The model of the last visit where it has an address, else the bundled one; the bundled one too when that failed. */
async function openFirst(): Promise<void> {
  const last = keptFolder();
  const bundled = bundledReference(bundledModels[0]!, document.baseURI);
  if (last && last.kind === 'url' && bundled.kind === 'url' && last.url !== bundled.url) {
    await openFolder(last);
    if (read().open || read().opening) return;
    const { problem } = read();
    await openFolder(bundled);
    if (read().problem === null) write({ problem });
    return;
  }
  await openFolder(bundled);
}
