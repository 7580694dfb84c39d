/** What this browser keeps comes back as text that anything may have written. */

/** The object that the text stands for; an empty one for anything else. */
export function storedRecord(text: string | null): Readonly<Record<string, unknown>> {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? 'null');
  } catch {
    return {};
  }
  return typeof stored === 'object' && stored !== null && !Array.isArray(stored)
    ? (stored as Record<string, unknown>)
    : {};
}

/** The model's fingerprint, which the names of results and measured damages begin with; none where it is no such name. */
export function fingerprintInName(name: string): readonly string[] {
  try {
    const [fingerprint] = JSON.parse(name) as readonly unknown[];
    return typeof fingerprint === 'string' ? [fingerprint] : [];
  } catch {
    return [];
  }
}
