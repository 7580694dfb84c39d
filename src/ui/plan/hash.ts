/** The plan in the page's address: `#plan=down_blocks.0,mid_block`. Text only; legality is checked by `edits`. */
import type { Plan } from '../../blocks/block';

const key = 'plan';

export function planFromHash(hash: string): Plan | null {
  // Read before it is decoded: a comma in an id is written as %2C, one between ids as itself.
  const entry = hash
    .replace(/^#/, '')
    .split('&')
    .find((text) => text.startsWith(`${key}=`));
  if (entry === undefined) return null;
  const ids = entry.slice(key.length + 1).split(',');
  return { dropped: ids.map(decoded).filter((id) => id !== '') };
}

/** The hash with this plan in it, other entries kept; '' when nothing is left to say. */
export function hashWithPlan(hash: string, plan: Plan): string {
  const entries = new URLSearchParams(hash.replace(/^#/, ''));
  entries.delete(key);
  const others = entries.toString();
  if (plan.dropped.length === 0) return others === '' ? '' : `#${others}`;
  // Commas, slashes and dots are legal in a fragment and keep it readable.
  const text = plan.dropped.map((id) => encodeURIComponent(id).replaceAll('%2F', '/')).join(',');
  return `#${others === '' ? '' : `${others}&`}${key}=${text}`;
}

/** As URLSearchParams decodes: `+` is a space, and a lone % stays. */
function decoded(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
