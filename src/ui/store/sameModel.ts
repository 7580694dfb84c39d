/** Which models are the same: what belongs to a model goes when another takes its place. */
import type { OpenState } from './state';

export type NamedModel = OpenState & { readonly fingerprint: string };

export const isNamed = (open: OpenState): open is NamedModel => open.fingerprint !== null;

/** Whether what belongs to the one belongs to the other. Models without a name are the same where they were opened from one place. */
export function isSameModel(one: OpenState | null, other: OpenState | null): boolean {
  if (!one || !other) return one === other;
  if (isNamed(one) && isNamed(other)) return one.fingerprint === other.fingerprint;
  return one.outline === other.outline && one.folder === other.folder;
}
