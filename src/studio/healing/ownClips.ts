/** The person's own clips as what is learnt from: each noised to the levels of the pipeline's own steps. Nothing is encoded here. */
import { present } from '../../errors/present';
import { createScheduler } from '../../pipeline/schedulers/createScheduler';
import { seededNoise } from '../../pipeline/seededNoise';
import { embedConditions } from '../denoise';
import type { GenerateSettings } from '../GenerateSettings';
import type { Pipeline } from '../Pipeline';
import { stepForm, type TeacherRun, type TeacherState } from '../teacherRuns';

export interface OwnClip {
  readonly prompt: string;
  /** Clean, in the denoiser's layout and scale. */
  readonly latent: Float32Array;
}

/** As a run of the teacher that came by this clip; its states have no outputs, which healing takes as it learns. */
export async function ownRun(
  pipeline: Pipeline,
  { latent, prompt }: OwnClip,
  given: Omit<GenerateSettings, 'prompt'>,
): Promise<TeacherRun> {
  const settings = { ...given, prompt };
  const scheduler = createScheduler(pipeline.description.scheduler, settings.steps);
  const states = scheduler.steps.map(({ timestep }, index): TeacherState => {
    const { signal, noise } = stepForm(scheduler, index);
    const random = seededNoise(settings.seed, latent.length, index + 1);
    const state = latent.map((value, i) => signal * value + noise * present(random[i]));
    return { latent: state, timestep, output: new Float32Array(), noiseShare: noise / Math.hypot(signal, noise) };
  });
  return { settings, conditions: await embedConditions(pipeline, settings), states, finalLatent: latent };
}
