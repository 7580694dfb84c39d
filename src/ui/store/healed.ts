/** The student as plan and weights: healed ones stay on while blocks go, and come off when a block that they were healed without comes back. */
import type { BlockTree } from '../../blocks/block';
import { goneIds, type Plan, planOfComponent, samePlan } from '../../blocks/plan';
import { type Variant, variantOf } from '../../worker/protocol';
import { studentOf } from './healedStudents';
import type { ShownClip, StudentEdit, StudioState } from './state';

/** The student has weights of its own. */
export function isHealed({ weights }: Pick<StudioState, 'weights'>): boolean {
  return weights !== 'original';
}

/** Healed, and nothing dropped since. */
export function isHealedAsItIs({ weights, plan }: Pick<StudioState, 'weights' | 'plan'>): boolean {
  const student = weights === 'original' ? undefined : studentOf(weights);
  return weights !== 'original' && (!student || samePlan(student.edit.plan, planOfComponent(plan, 'denoiser')));
}

/** What the page samples and exports as the student. */
export function studentVariant({ plan, weights }: StudentEdit): Variant {
  return variantOf(plan, weights === 'original' ? {} : { denoiser: weights });
}

/** The weights that go on under another plan: those healed without a block that comes back are put off. */
export function weightsUnder(
  tree: BlockTree | undefined,
  plan: Plan,
  weights: StudentEdit['weights'],
): StudentEdit['weights'] {
  const student = weights === 'original' ? undefined : studentOf(weights);
  if (!student || !tree) return weights;
  const gone = goneIds(tree, plan);
  return student.edit.plan.dropped.every((id) => gone.has(id)) ? weights : 'original';
}

/** Whether something was made of this student. */
export function sameStudent(made: Pick<ShownClip, 'plan' | 'weights'>, { plan, weights }: StudentEdit): boolean {
  return samePlan(made.plan, plan) && (made.weights ?? 'original') === weights;
}
