/** Plans in the page's address: `#plan=down_blocks.0,mid_block`. Text only; legality is checked by `blocks/plan`. */
import type { Plan } from '../../blocks/plan';
import { planFromAddress, planToAddress } from '../../blocks/planText';

const key = 'plan';

/** `of`: another entry that is a plan. */
export function planFromHash(hash: string, of: string = key): Plan | null {
  const entry = hash
    .replace(/^#/, '')
    .split('&')
    .find((text) => text.startsWith(`${of}=`));
  return entry === undefined ? null : planFromAddress(entry.slice(of.length + 1));
}

/** The hash with this plan in it, other entries kept; '' when nothing is left to say. */
export function hashWithPlan(hash: string, plan: Plan): string {
  const entries = new URLSearchParams(hash.replace(/^#/, ''));
  entries.delete(key);
  const others = entries.toString();
  if (plan.dropped.length === 0) return others === '' ? '' : `#${others}`;
  return `#${others === '' ? '' : `${others}&`}${key}=${planToAddress(plan)}`;
}
