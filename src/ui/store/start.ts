/** What happens on load: what was kept is restored, the engine is listened to, and a model opens by itself. */

import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import { bundledModels, bundledReference } from '../../library/bundledModels';
import type { EngineCounters, StatusReply, StoredHealing } from '../../worker/protocol';
import { keepAddress, modelInAddress } from './address';
import { engine, showNotice, showProblem } from './engine';
import { generate } from './generate';
import { followGrid } from './grid';
import { keepHistory } from './history';
import { followModelForIds } from './idCheck';
import { openFolder } from './open';
import { followAddress, keepChanges, keptFolder, restore } from './persistence';
import { followModel } from './planning';
import { followShelf } from './shelf';
import { read, write } from './state';
import { showStoredClip } from './storedClip';
import { listStudents } from './students';

declare global {
  interface Window {
    /** For tests: what the engine counted since it started. */
    __vdmini?: {
      counters(): Promise<EngineCounters>;
      /** What this browser keeps of healing. */
      stored(): Promise<StoredHealing>;
      /** Takes the GPU device away, as a driver's crash would. */
      loseDevice(): void;
    };
  }
}

export function start(): void {
  restore();
  keepChanges();
  window.__vdmini = {
    counters: () => engine.counters({}),
    stored: () => engine.listStored({}),
    loseDevice: () => engine.loseDevice(),
  };
  engine.onStatus(onEngineStatus);
  keepHistory();
  void listStudents();
  followModel();
  followModelForIds();
  followShelf();
  followGrid();
  keepAddress((id) => {
    const model = bundledModels.find((candidate) => candidate.id === id);
    if (!model) return;
    followAddress();
    void openFolder(bundledReference(model, document.baseURI));
  });
  void openFirst();
}

/** What the engine tells unasked: losses and recoveries. Plan, settings and clips are the page's and stay. */
function onEngineStatus({ status, event, opened, problem, stayIdle }: StatusReply): void {
  if (status) write({ status });
  if (event === 'device-lost') write({ device: 'lost' });
  if (event === 'worker-restarting') write({ device: 'stopped' });
  if (event !== 'device-remade' && event !== 'worker-restarted') return;
  const { open } = read();
  const again = open && opened ? { ...open, ...opened, fingerprint: opened.fingerprint ?? open.fingerprint } : null;
  write({ device: opened ? 'remade' : 'ok', ...(again ? { open: again } : {}) });
  if (problem) return showProblem(StudioError.fromPlain(problem), 'engine');
  if (!opened) return;
  const what = event === 'device-remade' ? 'The GPU is back' : 'The engine was started again';
  const where =
    opened.status.backend === 'wasm' && event === 'device-remade'
      ? 'The GPU went again and again: it runs on WASM now'
      : what;
  showNotice(`${where}. Plan, settings and clips were kept.`);
  if (!stayIdle) void generate();
}

/** The model that the address names; else that of the last visit where it has one, else the bundled one, too when that failed. */
async function openFirst(): Promise<void> {
  const named = modelInAddress();
  const last = keptFolder();
  const model = named ?? present(bundledModels[0]);
  const bundled = bundledReference(model, document.baseURI);
  if (
    bundled.kind === 'url' &&
    model.hasStoredClip &&
    (named || !last || (last.kind === 'url' && last.url === bundled.url))
  )
    void showStoredClip(bundled.url);
  if (!named && last && last.kind === 'url' && bundled.kind === 'url' && last.url !== bundled.url) {
    await openFolder(last);
    if (read().open || read().opening) return;
    const { problem } = read();
    await openFolder(bundled);
    if (read().problem === null) write({ problem });
    return;
  }
  await openFolder(bundled);
}
