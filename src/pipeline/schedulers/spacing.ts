/**
 * Which of the trained timesteps a run of n steps visits, highest first (Lin et al. 2023, arXiv 2305.08891,
 * table 2), with numpy's rounding (half to even), so that the integers equal diffusers'.
 */
import { StudioError } from '../../errors/StudioError';

export type Spacing = 'linspace' | 'leading' | 'trailing';

export const SPACINGS: readonly Spacing[] = ['linspace', 'leading', 'trailing'];

/** numpy.linspace in float64. */
export function linspace(start: number, end: number, count: number): number[] {
  if (count === 1) return [start];
  const step = (end - start) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? end : start + i * step));
}

/** numpy.round: half to even. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Throws `library/unsupported-scheduler` when more steps are asked for than the schedule has. */
export function checkStepCount(steps: number, trained: number): void {
  if (Number.isSafeInteger(steps) && steps >= 1 && steps <= trained) return;
  throw new StudioError(
    'library/unsupported-scheduler',
    `${steps} steps cannot be taken: this schedule has 1 to ${trained}.`,
    { steps, trained },
  );
}

/** floor(T / n) * i + offset, highest first. */
export function leading(trained: number, steps: number, offset: number): number[] {
  const ratio = Math.floor(trained / steps);
  return Array.from({ length: steps }, (_, i) => (steps - 1 - i) * ratio + offset);
}

/** From `last` down in strides of T / n, each rounded, minus 1; numpy.arange's length. */
export function trailing(last: number, trained: number, steps: number): number[] {
  const ratio = trained / steps;
  return Array.from({ length: Math.ceil(last / ratio) }, (_, i) => roundHalfEven(last - i * ratio) - 1);
}
