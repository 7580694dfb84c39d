/** The page's address follows what is wanted: settings, view, plan, bundled model; and is followed when it changes. */

import { NOTHING_DROPPED, normalisePlan } from '../../blocks/plan';
import { bundledModels } from '../../library/bundledModels';
import type { FolderReference } from '../../library/Folder';
import { readAddress, writeAddress } from '../plan/address';
import { planFromHash } from '../plan/hash';
import { takeExample } from './beginning';
import { besideInAddress, setSecond } from './beside';
import { sameSettings } from './derived';
import { setPlan } from './edit';
import { planTreeOf } from './mapped';
import { setView } from './player';
import { commitSettings } from './settings';
import { read, type StudioState, useStudio } from './state';

/** Typing changes the address a moment later; browsers refuse too many changes. */
const settleMs = 250;
let timer: ReturnType<typeof setTimeout> | undefined;

/** The bundled model that the address names, or undefined. */
export const modelInAddress = () => bundledModels.find(({ id }) => id === readAddress(window.location.hash).model);

/** Writes what is wanted into the address now; nothing while no model is open. */
export function updateAddress(): void {
  clearTimeout(timer);
  const { open, settings, player, plan, second } = read();
  if (!open) return;
  const { pathname, search, hash } = window.location;
  const written = writeAddress(hash, {
    model: bundledId(open.folder),
    settings,
    view: player.view,
    picture: pictureInLink(hash),
    dropped: plan.dropped,
    // healed weights stay in this browser: a link that opened the cut without them would show another student
    beside: second?.weights === 'original' ? { name: second.name, dropped: second.plan.dropped } : undefined,
  });
  if (written !== hash) history.replaceState(null, '', `${pathname}${search}${written}`);
}

/** The path of the model's own picture that is wanted; what the address said, until that has been read. */
function pictureInLink(hash: string): string | null {
  const { open, settings } = read();
  const examples = open?.description.image?.examples ?? [];
  const path = settings.image ? settings.image.name : readAddress(hash).picture;
  return path !== undefined && examples.includes(path) ? path : null;
}

function bundledId(folder: FolderReference): string | null {
  const known = bundledModels.find(
    ({ url }) => folder.kind === 'url' && folder.url === new URL(url, document.baseURI).href,
  );
  return known?.id ?? null;
}

/** From now on the two go together. `openBundled` opens the model that a new address names. */
export function keepAddress(openBundled: (id: string) => void): void {
  useStudio.subscribe((state, before) => {
    if (!state.open || !changed(state, before)) return;
    clearTimeout(timer);
    if (state.plan !== before.plan || state.second !== before.second || state.open !== before.open) updateAddress();
    else timer = setTimeout(updateAddress, settleMs);
  });
  window.addEventListener('hashchange', () => {
    const { open, settings } = read();
    if (!open) return;
    const address = readAddress(window.location.hash);
    if (address.model !== undefined && address.model !== bundledId(open.folder)) return openBundled(address.model);
    if (address.view) setView(address.view);
    const wanted = { ...settings, ...address.settings };
    const plan = planFromHash(window.location.hash) ?? NOTHING_DROPPED;
    if (!sameSettings(wanted, settings)) commitSettings(address.settings);
    if (address.picture !== undefined && address.picture !== settings.image?.name) void takeExample(address.picture);
    setPlan(normalisePlan(planTreeOf(open), plan.dropped));
    if (address.beside || read().second?.weights === 'original') setSecond(besideInAddress(planTreeOf(open)));
  });
}

function changed(state: StudioState, before: StudioState): boolean {
  return (
    state.plan !== before.plan ||
    state.open !== before.open ||
    state.settings !== before.settings ||
    state.second !== before.second ||
    state.player.view !== before.player.view
  );
}
