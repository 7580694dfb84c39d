/**
 * A clip of the student as it is while it learns: sampled with the averaged weights by the trainer's own session, so that
 * no gated session is made for weights that are gone a step later. Neither metrics nor previews on the way.
 */
import { present } from '../../errors/present';
import type { Clip } from '../../metrics/Clip';
import { branchGuidance } from '../../pipeline/guidance';
import { latentChannels } from '../../pipeline/latentChannels';
import { latentLength } from '../../pipeline/latentFrames';
import { sampleClips } from '../../pipeline/sampleClips';
import { createScheduler } from '../../pipeline/schedulers/createScheduler';
import { requireFiniteOutput } from '../../runtime/notFinite';
import { embedConditions } from '../denoise';
import type { GenerateSettings } from '../GenerateSettings';
import type { Pipeline } from '../Pipeline';
import { TEACHER } from '../Variant';
import type { Trainer } from './trainer';
import type { TrainingItem } from './trainingStates';

export interface ClipOptions {
  readonly signal?: AbortSignal;
  /** Awaited before every call. */
  readonly turn?: () => Promise<void>;
}

/** The decoder is the teacher's. Throws `engine/not-finite`, what running throws, and the signal's reason. */
export async function healingClip(
  pipeline: Pipeline,
  trainer: Pick<Trainer, 'studentOutputs'>,
  settings: GenerateSettings,
  { signal, turn }: ClipOptions = {},
): Promise<Clip> {
  const { description } = pipeline;
  const conditions = await embedConditions(pipeline, settings);
  const steps = sampleClips({
    scheduler: createScheduler(description.scheduler, settings.steps),
    sides: ['student'],
    latentLength: latentLength(description.latent),
    seed: settings.seed,
    guidance: branchGuidance(description, settings.guidance),
    denoise: async (_side, latent, timestep, branches) => {
      await turn?.();
      const state = { latent, timestep, output: new Float32Array(), noiseShare: 0 };
      const run = { settings, conditions, states: [], finalLatent: new Float32Array() };
      const items = branches.map((branch): TrainingItem => ({ run, state, branch }));
      const outputs = await trainer.studentOutputs(items, 'average');
      return outputs.map((output) => latentChannels(output, description.denoiser.outputChannels, description));
    },
    ...(signal ? { signal } : {}),
  });
  let latent = new Float32Array() as Float32Array;
  for await (const { step, sides } of steps) {
    latent = present(sides['student']).denoised;
    requireFiniteOutput(`Step ${step}: the latent of the student that learns`, latent);
  }
  return pipeline.decode(latent, TEACHER);
}
