/**
 * What survives a reload: settings and choices in localStorage; the address has them too and comes first. No model
 * files. What was stored is checked value by value: anything absurd counts as not stored.
 */

import type { FolderReference } from '../../library/Folder';
import type { BackendPreference, ExportFormat, GenerateSettings, OpenedPipeline } from '../../worker/protocol';
import { readAddress } from '../plan/address';
import { initialState, type Player, type Rerun, read, type StudioState, useStudio, write } from './state';
import { storedRecord } from './storedText';

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
    kept = readKept(localStorage.getItem(key));
  } catch {
    kept = {}; // storage is forbidden
  }
  const { view } = readAddress(window.location.hash);
  write({
    rerun: kept.rerun ?? initialState.rerun,
    backend: kept.backend ?? initialState.backend,
    exportFormat: kept.exportFormat ?? initialState.exportFormat,
    player: { ...initialState.player, ...kept.player, ...(view ? { view } : {}), frame: 0, playing: false },
    settings: { ...(kept.settings ?? initialState.settings), ...readAddress(window.location.hash).settings },
  });
}

/** What is good of the stored text. */
export function readKept(text: string | null): Kept {
  const { model, settings, rerun, backend, exportFormat, player, folder } = storedRecord(text);
  const good = settingsIn(settings);
  const place = folderIn(folder);
  return {
    ...(typeof model === 'string' ? { model } : {}),
    ...(good ? { settings: good } : {}),
    ...(rerun === 'at-once' || rerun === 'on-demand' ? { rerun } : {}),
    ...(backend === 'auto' || backend === 'webgpu' || backend === 'wasm' ? { backend } : {}),
    ...(exportFormat === 'onnx' || exportFormat === 'onnx-external' || exportFormat === 'pipeline-zip'
      ? { exportFormat }
      : {}),
    player: playerIn(player),
    ...(place ? { folder: place } : {}),
  };
}

function isNumber(value: unknown, low: number, high: number): value is number {
  return typeof value === 'number' && value >= low && value <= high;
}

function settingsIn(value: unknown): GenerateSettings | null {
  if (typeof value !== 'object' || value === null) return null;
  const { prompt, seed, steps, guidance } = value as Record<string, unknown>;
  const good =
    typeof prompt === 'string' &&
    isNumber(seed, 0, 2 ** 32 - 1) &&
    isNumber(steps, 1, 1000) &&
    isNumber(guidance, 0, 1000) &&
    Number.isInteger(seed) &&
    Number.isInteger(steps);
  return good ? { prompt, seed, steps, guidance } : null;
}

function playerIn(value: unknown): Partial<Player> {
  if (typeof value !== 'object' || value === null) return {};
  const { loop, speed, view, split, zoom, differenceGain } = value as Record<string, unknown>;
  return {
    ...(typeof loop === 'boolean' ? { loop } : {}),
    ...(isNumber(speed, 0.1, 10) ? { speed } : {}),
    ...(view === 'wipe' || view === 'side-by-side' || view === 'difference' ? { view } : {}),
    ...(isNumber(split, 0, 1) ? { split } : {}),
    ...(isNumber(zoom, 0, 64) ? { zoom } : {}),
    ...(isNumber(differenceGain, 1, 64) ? { differenceGain } : {}),
  };
}

function folderIn(value: unknown): Kept['folder'] | null {
  if (typeof value !== 'object' || value === null) return null;
  const { kind, url, name, keep } = value as Record<string, unknown>;
  if (kind !== 'url' || typeof url !== 'string' || typeof name !== 'string' || !URL.canParse(url)) return null;
  return { kind, url, name, ...(typeof keep === 'boolean' ? { keep } : {}) };
}

/** Whether the next model to open is the one that the address is about: the first of a visit, or one that it names. */
let followsAddress = true;

/** The next model that opens takes its settings from the address, as the first one does. */
export function followAddress(): void {
  followsAddress = true;
}

export const keptFolder = (): FolderReference | null => kept.folder ?? null;

/** The kept settings where they were made for this model, else the model's own defaults; the address comes first. */
export function restoredSettings(opened: OpenedPipeline): GenerateSettings {
  const { name, defaults, examplePrompts } = opened.description;
  const own =
    kept.model === name && kept.settings
      ? kept.settings
      : {
          prompt: defaults.prompt || (examplePrompts[0] ?? ''),
          seed: 1,
          steps: defaults.steps,
          guidance: defaults.guidance,
        };
  const address = readAddress(window.location.hash);
  const isMeant = followsAddress && (address.model === undefined || address.model === name);
  followsAddress = false;
  return isMeant ? { ...own, ...address.settings } : own;
}

/** Keeps every change from now on: a moment after it, and at once when the page goes. */
export function keepChanges(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  useStudio.subscribe((state, before) => {
    if (!changed(state, before)) return; // a frame that moves on is nothing to keep
    clearTimeout(timer);
    timer = setTimeout(save, 300);
  });
  window.addEventListener('pagehide', save);
}

function changed(state: StudioState, before: StudioState): boolean {
  const of = ({ open, settings, rerun, backend, exportFormat, player }: StudioState) => [
    open,
    settings,
    rerun,
    backend,
    exportFormat,
    ...Object.values(keptOf(player)),
  ];
  const then = of(before);
  return of(state).some((value, i) => value !== then[i]);
}

function keptOf({ loop, speed, view, split, zoom, differenceGain }: Player): Partial<Player> {
  return { loop, speed, view, split, zoom, differenceGain };
}

/** Settings without the picture: its pixels do not fit into localStorage. */
const textOf = ({ prompt, seed, steps, guidance }: GenerateSettings): GenerateSettings => ({
  prompt,
  seed,
  steps,
  guidance,
});

function save(): void {
  const { open, settings, rerun, backend, exportFormat, player } = read();
  kept = {
    ...(open
      ? { model: open.description.name, settings: textOf(settings) }
      : { model: kept.model, settings: kept.settings }),
    rerun,
    backend,
    exportFormat,
    player: keptOf(player),
    ...(open?.folder.kind === 'url' ? { folder: open.folder } : {}),
  };
  try {
    localStorage.setItem(key, JSON.stringify(kept));
  } catch {
    // Storage is full or forbidden: the page works, it only forgets.
  }
}
