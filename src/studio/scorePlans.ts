/**
 * Errors of finished plans on clips that took no part in the search: what a plan promises for prompts and seeds that
 * nobody looked at. It searches nothing.
 */

import type { Plan } from '../blocks/plan';
import { present } from '../errors/present';
import { type Damage, damageOf } from './damage';
import type { GenerateSettings } from './GenerateSettings';
import type { Pipeline } from './Pipeline';
import type { PlanOptions } from './planData';
import { groupOutputs, groupStates, type StateGroup } from './stateGroups';
import { latentError, type SplitError, type TeacherRun, teacherRun } from './teacherRuns';
import { TEACHER, type Variant, variantOf } from './Variant';

/** In the order of `plans`, with intervals over the clips. Throws what running throws, and the signal's reason. */
export async function scorePlans(
  pipeline: Pipeline,
  plans: readonly Plan[],
  settings: readonly GenerateSettings[],
  { signal, turn }: Pick<PlanOptions, 'signal' | 'turn'> = {},
): Promise<readonly Damage[]> {
  const runs: TeacherRun[] = [];
  for (const one of settings) runs.push(await teacherRun(pipeline, one, signal, turn));
  const outputsOf = async (variant: Variant, group: StateGroup) => {
    await turn?.();
    signal?.throwIfAborted();
    return groupOutputs(pipeline, variant, group);
  };
  const states = runs.flatMap((run) => run.states.map((state) => ({ run, state })));
  const groups = await groupStates(pipeline, states, (group) => outputsOf(TEACHER, group));
  const damages: Damage[] = [];
  for (const plan of plans) {
    const perRun: SplitError[][] = runs.map(() => []);
    for (const { group, references } of groups) {
      const outputs = await outputsOf(variantOf(plan), group);
      for (const [index, { run }] of group.entries())
        present(perRun[runs.indexOf(run)]).push(
          latentError(pipeline, present(references[index]), present(outputs[index])),
        );
    }
    damages.push(damageOf(perRun));
  }
  return damages;
}
