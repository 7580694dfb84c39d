/**
 * The name of an opened pipeline, made when something is to be kept or found under it. What this browser keeps decides
 * whether that is at its opening.
 */
import { StudioError } from '../errors/StudioError';
import { type Fingerprinted, fingerprintOf, mayBeOneOf, outlineOf } from '../studio/fingerprint';
import { type HealStore, openHealStore } from './healStore';
import type { KeptNames } from './protocol';

export interface PipelineName {
  readonly outline: string;
  /** The fingerprint; null until it was asked for. */
  known(): string | null;
  /** The fingerprint; the first call reads every weight. Throws what reading throws, and tries again when asked again. */
  get(): Promise<string>;
}

/** `known`: where it was made before; `onNamed` hears of each reading of the weights. */
export async function pipelineName(
  pipeline: Fingerprinted,
  { known = null, onNamed }: { readonly known?: string | null; readonly onNamed?: () => void } = {},
): Promise<PipelineName> {
  const outline = await outlineOf(pipeline);
  let fingerprint = known;
  let making: Promise<string> | undefined;
  const make = async (): Promise<string> => {
    onNamed?.();
    try {
      fingerprint = await fingerprintOf(pipeline);
      return fingerprint;
    } finally {
      making = undefined;
    }
  };
  return {
    outline,
    known: () => fingerprint,
    async get() {
      if (fingerprint !== null) return fingerprint;
      making ??= make();
      return making;
    },
  };
}

/**
 * Fingerprints of the models that healed weights and interrupted runs are kept of; null where that cannot be told. Begun
 * with an opening, so that it takes none of its time.
 */
export async function healedNames(open: () => Promise<HealStore> = openHealStore): Promise<readonly string[] | null> {
  try {
    const { students, checkpoints } = await (await open()).list();
    return [...students, ...checkpoints].map(({ fingerprint }) => fingerprint);
  } catch (thrown) {
    const keepsNothing = thrown instanceof StudioError && thrown.code === 'library/write-refused';
    return keepsNothing ? [] : null;
  }
}

/** Whether anything that is kept can be of a pipeline: by the page, or by healing (`healedNames`). */
export function isPerhapsKept(
  { outline }: Pick<PipelineName, 'outline'>,
  { fingerprints, outlines }: KeptNames,
  healed: readonly string[] | null,
): boolean {
  return healed === null || mayBeOneOf(outline, [...fingerprints, ...healed], outlines);
}
