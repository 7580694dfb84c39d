/** What survives a reload: settings and choices in localStorage, the plan in the page's address. No model files. */

import type { FolderReference } from '../../library/Folder';
import type { BackendPreference, ExportFormat, GenerateSettings, OpenedPipeline } from '../../worker/protocol';
import { hashWithPlan } from '../plan/hash';
import { initialState, type Player, type Rerun, read, useStudio, write } from './state';

const key = 'vdmini-studio/1';

interface Kept {
  /** Name of the model that the settings were made for. */
  readonly model?: string;
  readonly settings?: GenerateSettings;
  readonly rerun?: Rerun;
  readonly backend?: BackendPreference;
  readonly exportFormat?: ExportFormat;
  readonly player?: Partial<Player>;
  /** Only models with an address can be opened again. */
  readonly folder?: Extract<FolderReference, { kind: 'url' }>;
}

let kept: Kept = {};

/** Reads what was kept; anything unreadable counts as nothing kept. */
export function restore(): void {
  try {
    kept = JSON.parse(localStorage.getItem(key) ?? '{}') as Kept;
  } catch {
    kept = {};
  }
  write({
    rerun: kept.rerun ?? initialState.rerun,
    backend: kept.backend ?? initialState.backend,
    exportFormat: kept.exportFormat ?? initialState.exportFormat,
    player: { ...initialState.player, ...kept.player, frame: 0, playing: false },
    settings: kept.settings ?? initialState.settings,
  });
}

export const keptFolder = (): FolderReference | null => kept.folder ?? null;

/** The kept settings where they were made for this model, else the model's own defaults. */
export function restoredSettings(opened: OpenedPipeline): GenerateSettings {
  const { name, defaults, examplePrompts } = opened.description;
  if (kept.model === name && kept.settings) return kept.settings;
  return {
    prompt: defaults.prompt || (examplePrompts[0] ?? ''),
    seed: 1,
    steps: defaults.steps,
    guidance: defaults.guidance,
  };
}

/** Keeps every change from now on. */
export function keepChanges(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  useStudio.subscribe((state, before) => {
    if (state.open && state.plan !== before.plan) {
      const { pathname, search, hash } = window.location;
      history.replaceState(null, '', `${pathname}${search}${hashWithPlan(hash, state.plan)}`);
    }
    clearTimeout(timer);
    timer = setTimeout(save, 300);
  });
}

function save(): void {
  const { open, settings, rerun, backend, exportFormat, player } = read();
  const { loop, speed, view, split, zoom, differenceGain } = player;
  kept = {
    ...(open ? { model: open.description.name, settings } : { model: kept.model, settings: kept.settings }),
    rerun,
    backend,
    exportFormat,
    player: { loop, speed, view, split, zoom, differenceGain },
    ...(open?.folder.kind === 'url' ? { folder: open.folder } : {}),
  };
  try {
    localStorage.setItem(key, JSON.stringify(kept));
  } catch {
    // Storage is full or forbidden: the page works, it only forgets.
  }
}
