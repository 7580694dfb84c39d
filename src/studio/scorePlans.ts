/**
 * Errors of finished plans on clips that took no part in the search: what a plan promises for prompts and seeds that
 * nobody looked at. It searches nothing.
 */
import type { Plan } from '../blocks/plan';
import { type Damage, damageOf } from './damage';
import type { GenerateSettings } from './GenerateSettings';
import type { Pipeline } from './Pipeline';
import type { PlanOptions } from './planData';
import { latentError, outputOn, type SplitError, type TeacherRun, teacherRun } from './teacherRuns';
import { variantOf } from './Variant';

/** In the order of `plans`, with intervals over the clips. Throws what running throws, and the signal's reason. */
export async function scorePlans(
  pipeline: Pipeline,
  plans: readonly Plan[],
  settings: readonly GenerateSettings[],
  { signal, turn }: Pick<PlanOptions, 'signal' | 'turn'> = {},
): Promise<readonly Damage[]> {
  const runs: TeacherRun[] = [];
  for (const one of settings) runs.push(await teacherRun(pipeline, one, signal, turn));
  const damages: Damage[] = [];
  for (const plan of plans) {
    const perRun: SplitError[][] = [];
    for (const run of runs) {
      const errors: SplitError[] = [];
      for (const state of run.states) {
        await turn?.();
        signal?.throwIfAborted();
        errors.push(latentError(pipeline, state.output, await outputOn(pipeline, variantOf(plan), run, state)));
      }
      perRun.push(errors);
    }
    damages.push(damageOf(perRun));
  }
  return damages;
}
