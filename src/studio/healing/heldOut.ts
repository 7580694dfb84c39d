/** States of other seeds than those that are learnt from, and how far the student is from the teacher on them. */
import { branchGuidance, guide } from '../../pipeline/guidance';
import { latentChannels } from '../../pipeline/latentChannels';
import { meanError } from '../damage';
import type { Picture } from '../GenerateSettings';
import type { Pipeline } from '../Pipeline';
import { latentError, type SplitError } from '../teacherRuns';
import type { HealSettings } from './healData';
import type { Trainer } from './trainer';
import { type ClipOptions, heldOutItems, type TrainingItem } from './trainingStates';

export interface HeldOut {
  /** Of the guided output, content and motion apart. */
  error(trainer: Trainer, weights: 'parameters' | 'average'): Promise<SplitError>;
}

/** Samples them, and takes the teacher's outputs. */
export async function heldOut(
  pipeline: Pipeline,
  settings: HealSettings,
  pictures: readonly Picture[],
  trainer: Trainer,
  options: ClipOptions,
): Promise<HeldOut> {
  const items: readonly TrainingItem[] = await heldOutItems(pipeline, settings, pictures, options);
  const targets = await trainer.teacherOutputs(items);
  const guidance = branchGuidance(pipeline.description, settings.guidance);
  const count = guidance === 1 ? 1 : 2;
  const { description } = pipeline;
  const latents = (raw: readonly Float32Array[]) =>
    raw.map((output) => latentChannels(output, description.denoiser.outputChannels, description));
  const guided = (raw: readonly Float32Array[], first: number) =>
    guide(latents(raw.slice(first, first + count)), guidance);
  return {
    async error(current, weights) {
      const outputs = await current.studentOutputs(items, weights);
      const errors = Array.from({ length: items.length / count }, (_, index) =>
        latentError(pipeline, guided(targets, index * count), guided(outputs, index * count)),
      );
      return meanError(errors);
    },
  };
}
