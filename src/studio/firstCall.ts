/** The denoiser's first call of a clip: what a written file, or a bench, is measured with. */

import { present } from '../errors/present';
import type { DenoiserCall } from '../pipeline/denoiserInputs';
import { branchesFor, branchGuidance } from '../pipeline/guidance';
import { latentLength } from '../pipeline/latentFrames';
import { createScheduler } from '../pipeline/schedulers/createScheduler';
import { seededNoise } from '../pipeline/seededNoise';
import type { GenerateSettings } from './GenerateSettings';
import type { Pipeline } from './Pipeline';

/** With guidance both branches at once, where the graph takes such a batch; else the conditional one alone. */
export async function firstCall(
  { description, text, inputs }: Pipeline,
  settings: GenerateSettings,
): Promise<DenoiserCall> {
  const scheduler = createScheduler(description.scheduler, settings.steps);
  const step = present(scheduler.steps[0]);
  const latent = seededNoise(settings.seed, latentLength(description.latent)).map(
    (value) => value * scheduler.initialNoiseScale * step.inputScale,
  );
  const branches = branchesFor(branchGuidance(description, settings.guidance)).slice(-inputs.batch);
  const embeddings = text
    ? {
        conditional: await text.embed(settings.prompt),
        unconditional: await text.embed(description.defaults.negativePrompt),
      }
    : {};
  return { latent, timestep: step.timestep, branches, guidance: settings.guidance, text: embeddings };
}
