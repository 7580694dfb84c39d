/** Models from the web that this browser keeps: listed with sizes, opened again, checked, deleted. */
import { askForPersistence, isPersistent, type KeptModel, openModelCache } from '../../library/modelCache';
import { showProblem } from './engine';
import { openFolder } from './open';
import { type KeptCheck, read, write } from './state';

/** Looks up what is kept and how much room there is; nothing where the browser cannot keep files. */
export async function listKept(): Promise<void> {
  try {
    const cache = await openModelCache();
    if (!cache) return;
    const [models, space, persistent] = await Promise.all([cache.list(), cache.space(), isPersistent()]);
    write({ kept: { models, space, persistent } });
  } catch (thrown) {
    showProblem(thrown, 'keep');
  }
}

export async function deleteKept(model: KeptModel): Promise<void> {
  try {
    await (await openModelCache())?.remove(model.id);
    const { [model.id]: _gone, ...keptChecks } = read().keptChecks;
    write({ keptChecks });
  } catch (thrown) {
    showProblem(thrown, 'keep');
  }
  await listKept();
}

/** Reads the model's files again and compares them with the hashes of what was downloaded. */
export async function checkKept(model: KeptModel): Promise<void> {
  const set = (check: KeptCheck) => write({ keptChecks: { ...read().keptChecks, [model.id]: check } });
  set({ state: 'running', readBytes: 0 });
  try {
    await (await openModelCache())?.verify(model.id, (readBytes) => set({ state: 'running', readBytes }));
    set({ state: 'good' });
  } catch (thrown) {
    set({ state: 'bad' });
    showProblem(thrown, 'keep');
  }
}

/** Opens a model from an address; with `keep` its files stay in this browser and are not fetched again. Call it from a click: browsers ask for persistence only then. */
export async function openUrl(url: string, keep: boolean): Promise<void> {
  const address = new URL(url);
  const lastPart = address.pathname.replace(/\/+$/, '').split('/').at(-1) ?? '';
  // Not waited for: a browser may show a question that nobody answers. Files are kept either way.
  if (keep) void askForPersistence().catch(() => false);
  await openFolder({ kind: 'url', url, name: decodeURIComponent(lastPart) || address.host, keep });
}
