/**
 * What was measured of models, kept in this browser: damages of units and errors of plans, by the model's fingerprint,
 * the kind of unit and the clips. The latest few are kept; anything unreadable counts as not measured.
 */
import { isPlan } from '../../blocks/planText';
import type { GenerateSettings, KnownError, UnitImportance, UnitKind } from '../../worker/protocol';
import { type GentlePlan, isGentle } from './gentle';
import { fingerprintInName } from './storedText';

export interface Measured {
  readonly fingerprint: string;
  /** Of the latent, where the model leaves it open (`openSize`). */
  readonly size?: string | undefined;
  readonly unitKind: UnitKind;
  readonly clips: readonly GenerateSettings[];
  readonly units: readonly UnitImportance[];
  readonly errors: readonly KnownError[];
  /** Of the last search. */
  readonly gentle?: GentlePlan | null;
}

const key = 'vdmini-studio/measured';
/** Models, kinds and clips; and of each so many plans: a few hundred kB in all. */
const longest = 6;
const mostErrors = 600;

/** Kept as text; a picture by its key alone. */
const nameOf = ({
  fingerprint,
  unitKind,
  clips,
  size,
}: Pick<Measured, 'fingerprint' | 'unitKind' | 'clips' | 'size'>): string =>
  JSON.stringify([
    fingerprint,
    unitKind,
    clips.map(({ prompt, seed, steps, guidance, image }) => [prompt, seed, steps, guidance, image?.key ?? null]),
    ...(size === undefined ? [] : [size]),
  ]);

export function measuredOf(
  fingerprint: string,
  unitKind: UnitKind,
  clips: readonly GenerateSettings[],
  size?: string,
): Omit<Measured, 'fingerprint' | 'unitKind' | 'size'> | null {
  const name = nameOf({ fingerprint, unitKind, clips, size });
  const found = readMeasured(storedText()).find((entry) => entry.name === name);
  return found ? { clips, units: found.units, errors: found.errors, gentle: found.gentle ?? null } : null;
}

/** Fingerprints of the models that were measured. */
export const namesOfMeasured = (): readonly string[] =>
  readMeasured(storedText()).flatMap(({ name }) => fingerprintInName(name));

export function keepMeasured(measured: Measured): void {
  const name = nameOf(measured);
  const all = readMeasured(storedText());
  const before = all.find((other) => other.name === name);
  const gentle = measured.gentle ?? before?.gentle ?? null;
  const entry = { name, units: measured.units, errors: measured.errors.slice(-mostErrors), gentle };
  const others = all.filter((other) => other.name !== name);
  try {
    localStorage.setItem(key, JSON.stringify([...others.slice(1 - longest), entry]));
  } catch {
    // storage is full or forbidden: the figures then end with this visit
  }
}

function storedText(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // forbidden
  }
}

interface Entry extends Pick<Measured, 'units' | 'errors' | 'gentle'> {
  readonly name: string;
}

/** Entries of which every figure is there; the others are left out. */
export function readMeasured(text: string | null): readonly Entry[] {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? '[]');
  } catch {
    return [];
  }
  return Array.isArray(stored) ? stored.filter(isEntry) : [];
}

function isEntry(value: unknown): value is Entry {
  const entry = value as Partial<Record<keyof Entry, unknown>> | null;
  if (typeof entry?.name !== 'string' || !Array.isArray(entry.units) || !Array.isArray(entry.errors)) return false;
  if (entry.gentle !== undefined && entry.gentle !== null && !isGentle(entry.gentle)) return false;
  return entry.units.every(isUnit) && entry.errors.every((one) => isPlan(one?.plan) && isError(one?.error));
}

function isUnit(value: unknown): value is UnitImportance {
  const unit = value as Partial<Record<keyof UnitImportance, unknown>> | null;
  const numbers = [unit?.level, unit?.depth, unit?.parameters, unit?.macs];
  return typeof unit?.id === 'string' && numbers.every(Number.isFinite) && isPlan(unit.plan) && isError(unit.output);
}

function isError(value: unknown): boolean {
  const error = value as Partial<Record<'content' | 'motion' | 'total', unknown>> | null | undefined;
  return [error?.content, error?.motion, error?.total].every(Number.isFinite);
}
