/** The plan in the page's address: `#plan=down_blocks.0,mid_block`. Text only; legality is checked by `edits`. */
import type { Plan } from '../../blocks/block';

const key = 'plan';

export function planFromHash(hash: string): Plan | null {
  const value = new URLSearchParams(hash.replace(/^#/, '')).get(key);
  if (value === null) return null;
  return { dropped: value.split(',').filter((id) => id !== '') };
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
