/** Opening models. The open one stays as it is until another has been opened completely. */

import type { BlockTree } from '../../blocks/block';
import { componentOf, indexBlocks, normalisePlan, type Plan } from '../../blocks/plan';
import { StudioError } from '../../errors/StudioError';
import type { FolderReference } from '../../library/Folder';
import type { LatentSize } from '../../pipeline/PipelineDescription';
import { type BackendPreference, type OpenReport, SUPERSEDED } from '../../worker/protocol';
import { planFromHash } from '../plan/hash';
import { besideInAddress } from './beside';
import { summarise } from './edit';
import { engine, isAbort, showNotice, showProblem } from './engine';
import { endRun, generate, rerunAfterEdit } from './generate';
import { keptNames } from './keptNames';
import { planTreeOf } from './mapped';
import { rememberOutline } from './modelName';
import { restoredSettings } from './persistence';
import { isSameModel } from './sameModel';
import { nothingMade, type OpenState, read, type StudioState, write } from './state';

let controller: AbortController | null = null;

export function cancelOpen(): void {
  controller?.abort();
}

interface OpenOptions {
  readonly backend?: BackendPreference;
  readonly latentSize?: LatentSize;
  /** Why the model is not to be run. */
  readonly withoutRunning?: string;
}

/** Opens a folder and, when that worked, shows and samples it with the plan of the page's address. */
export async function openFolder(
  folder: FolderReference,
  { backend = read().backend, latentSize = {}, withoutRunning }: OpenOptions = {},
): Promise<void> {
  controller?.abort(SUPERSEDED);
  endRun(SUPERSEDED);
  const own = new AbortController();
  controller = own;
  const before = read().open;
  write({ opening: { name: folder.name, progress: null, mapped: null }, problem: null, panel: 'none', backend });
  try {
    const opened = await engine.open(
      { folder, backend, latentSize, withoutRunning, kept: keptNames(before) },
      {
        signal: own.signal,
        onProgress: (report) => controller === own && write((state) => afterReport(state, report)),
      },
    );
    if (controller === own) show({ ...opened, folder, latentSize, withoutRunning }, before);
  } catch (thrown) {
    if (controller !== own) return;
    write({ opening: null });
    if (!isAbort(thrown)) showProblem(thrown, 'open', isRefusal(thrown) ? { folder, latentSize } : undefined);
    rerunAfterEdit(); // the model that stays open goes on where it was stopped
  }
}

/** Where nothing is open yet the map can be used as soon as its blocks are known, with the address's plan on it. */
function afterReport({ open, opening }: StudioState, report: OpenReport): Partial<StudioState> {
  if (!opening) return {};
  if (report.phase !== 'mapped') return { opening: { ...opening, progress: report } };
  const { mapped } = report;
  const shown = { opening: { ...opening, mapped } };
  if (open) return shown;
  return { ...shown, plan: planInAddress(mapped.tree).plan, focusedId: firstStop(mapped.tree) };
}

/** The address's plan as far as this model has its blocks. */
function planInAddress(tree: BlockTree): { readonly plan: Plan; readonly complete: boolean } {
  const wanted = planFromHash(window.location.hash)?.dropped ?? [];
  const index = indexBlocks(tree);
  const known = wanted.filter((id) => index.has(id));
  return { plan: normalisePlan(tree, known), complete: known.length === wanted.length };
}

/** The files are good, it is the runtime that does not take the graph, or the sampler that has no use for it. */
function isRefusal(thrown: unknown): boolean {
  return (
    thrown instanceof StudioError &&
    ['engine/unsupported-op', 'engine/session-failed', 'gpu/out-of-memory', 'library/not-a-denoiser'].includes(
      thrown.code,
    )
  );
}

/** Opens the model that has just been refused for its map, plans and exports. */
export function openWithoutRunning(): void {
  const { problem } = read();
  if (!problem?.refused) return;
  const { folder, latentSize } = problem.refused;
  void openFolder(folder, { latentSize, withoutRunning: problem.error.message });
}

function show(open: OpenState, before: OpenState | null): void {
  const tree = planTreeOf(open);
  const { plan, complete } = planInAddress(tree);
  // Edits on a map that was there before the runtime are kept, their undo too.
  const { opening, past, future, plan: edited } = read();
  // The decoder's are known only now: what the address says of them joins in.
  const ofDecoder = plan.dropped.filter((id) => componentOf(id) === 'decoder');
  const early =
    !before && opening?.mapped
      ? { plan: normalisePlan(tree, [...edited.dropped, ...ofDecoder]), past, future }
      : { plan };
  const sameModel = isSameModel(before, open);
  rememberOutline(open);
  write({
    open,
    opening: null,
    status: open.status,
    device: 'ok',
    settings: sameModel ? read().settings : restoredSettings(open),
    ...nothingMade,
    ...early,
    second: besideInAddress(tree),
    focusedId: firstStop(open.tree),
    player: { ...read().player, frame: 0, playing: false },
  });
  if (!complete)
    showNotice('The plan in the address was made for another model; blocks that this one does not have were left out.');
  void summarise();
  void generate();
}

/** Where Tab enters the map: the first block that can be switched, else the first of all. */
function firstStop(tree: BlockTree): string | null {
  const blocks = [...indexBlocks(tree).values()].map(({ block }) => block);
  return (blocks.find((block) => block.droppable) ?? blocks[0])?.id ?? null;
}

/** Changes the backend by opening the same model again. */
export function setBackend(backend: BackendPreference): void {
  const { open } = read();
  write({ backend });
  if (open) void openFolder(open.folder, { backend, latentSize: open.latentSize });
}

/**
 * Opens the same model again at another size of the latent, where its graph leaves that free. It is to be run there, also
 * where the runtime refused it before: many graphs run at the sizes of their trace alone.
 */
export function setLatentSize(size: LatentSize): void {
  const { open, backend } = read();
  if (open) void openFolder(open.folder, { backend, latentSize: size });
}
