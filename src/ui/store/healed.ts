/** Whose weights the student has: its own after healing, the teacher's otherwise. */

import { samePlan } from '../../blocks/plan';
import { type Variant, variantOf } from '../../worker/protocol';
import type { StudioState } from './state';

/** The healed weights count for the plan that they were trained under, while they are worn. */
export function isHealed({ healed, worn, plan }: Pick<StudioState, 'healed' | 'worn' | 'plan'>): boolean {
  return healed !== null && worn && samePlan(healed.plan, plan);
}

/** What the page samples and exports as the student. */
export function studentVariant(state: Pick<StudioState, 'healed' | 'worn' | 'plan'>): Variant {
  return variantOf(state.plan, isHealed(state) ? { denoiser: state.healed!.weights } : {});
}
