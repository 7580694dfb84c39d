/**
 * Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598) in the form that pipelines use:
 * uncond + g (cond - uncond). At g = 1 that is cond alone, and the unconditional call is not made.
 */
import { present } from '../errors/present';
import type { PipelineDescription } from './PipelineDescription';

export type Branch = 'conditional' | 'unconditional';

/** The guidance between branches: none where the denoiser takes the guidance as an input. */
export function branchGuidance({ denoiser }: Pick<PipelineDescription, 'denoiser'>, guidance: number): number {
  return denoiser.embedsGuidance ? 1 : guidance;
}

/** The denoiser calls that one step needs, in the order that `guide` takes their outputs. */
export function branchesFor(guidance: number): readonly Branch[] {
  return guidance === 1 ? ['conditional'] : ['unconditional', 'conditional'];
}

/** Combines the outputs of `branchesFor(guidance)`. One output comes back as it is. */
export function guide(outputs: readonly Float32Array[], guidance: number): Float32Array {
  const [unconditional, conditional] = outputs;
  if (!unconditional) throw new RangeError('no denoiser output to guide');
  if (!conditional) return unconditional;
  if (conditional.length !== unconditional.length) throw new RangeError('the two outputs differ in length');
  return unconditional.map((value, i) => value + guidance * (present(conditional[i]) - value));
}
