/**
 * The open model's name in what this browser keeps. Making it reads every weight, so it is asked for by whoever keeps or
 * writes something under it; what is known of models by then is kept, so that other models are opened without.
 */
import type { Outlines } from '../../worker/protocol';
import { engine, showProblem } from './engine';
import { isNamed, type NamedModel } from './sameModel';
import { type Activity, type OpenState, read, write } from './state';
import { storedRecord } from './storedText';

/** The open model with its fingerprint; null where none is open, or another by then. Throws what reading its weights throws. */
export async function namedModel(): Promise<NamedModel | null> {
  const { open } = read();
  if (!open || isNamed(open)) return open;
  const fingerprint = await engine.fingerprint({});
  const now = read().open;
  if (now?.id !== open.id) return null;
  if (isNamed(now)) return now;
  const named = { ...now, fingerprint };
  write({ open: named });
  rememberOutline(named);
  return named;
}

/** As `namedModel`, for whoever keeps or writes something: null too where its weights cannot be read, which the page then says. */
export async function modelToKeep(during: Activity): Promise<NamedModel | null> {
  try {
    return await namedModel();
  } catch (thrown) {
    showProblem(thrown, during);
    return null;
  }
}

const key = 'vdmini-studio/outlines';
const most = 400;

/** Of models that were named in this browser, by their fingerprints; the latest few hundred. */
export function knownOutlines(): Outlines {
  try {
    return readOutlines(localStorage.getItem(key));
  } catch {
    return {}; // forbidden
  }
}

export function rememberOutline({ fingerprint, outline }: Pick<OpenState, 'fingerprint' | 'outline'>): void {
  if (fingerprint === null) return;
  const { [fingerprint]: _, ...others } = knownOutlines();
  const latest = [...Object.entries(others), [fingerprint, outline] as const].slice(-most);
  try {
    localStorage.setItem(key, JSON.stringify(Object.fromEntries(latest)));
  } catch {
    // full or forbidden: the model is then named whenever it is opened
  }
}

/** What is good of the stored text. */
export function readOutlines(text: string | null): Outlines {
  return Object.fromEntries(
    Object.entries(storedRecord(text)).filter(([, outline]) => typeof outline === 'string'),
  ) as Outlines;
}
