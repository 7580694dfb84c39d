/** Models from the web that this browser keeps: listed with sizes, opened again, deleted. */
import { askForPersistence, openModelCache, type KeptModel } from '../../library/modelCache';
import { showProblem } from './engine';
import { openFolder } from './open';
import { write } from './state';

/** Looks up what is kept and how much room there is; nothing where the browser cannot keep files. */
export async function listKept(): Promise<void> {
  try {
    const cache = await openModelCache();
    if (!cache) return;
    const [models, space] = await Promise.all([cache.list(), cache.space()]);
    write({ kept: { models, space } });
  } catch (thrown) {
    showProblem(thrown, 'open');
  }
}

export async function deleteKept(model: KeptModel): Promise<void> {
  try {
    await (await openModelCache())?.remove(model.id);
  } catch (thrown) {
    showProblem(thrown, 'open');
  }
  await listKept();
}

/** Opens a model from an address; with `keep` its files stay in this browser and are not fetched again. */
export async function openUrl(url: string, keep: boolean): Promise<void> {
  const address = new URL(url);
  const lastPart = address.pathname.replace(/\/+$/, '').split('/').at(-1) ?? '';
  if (keep) await askForPersistence();
  await openFolder({ kind: 'url', url, name: decodeURIComponent(lastPart) || address.host, keep });
}
