/** What was measured of the wanted student's step, or of its decoding, against the teacher's, and how far measuring is. */
import type { ComponentId } from '../../blocks/plan';
import type { PairedTimes } from '../../worker/protocol';
import { useStudio } from '../store/state';
import { timesKey, useTimes } from '../store/times';

export interface StepTimes {
  readonly times: PairedTimes | null;
  readonly measuring: { readonly done: number; readonly of: number } | null;
}

export function useStepTimes(component: ComponentId = 'denoiser'): StepTimes {
  const key = useStudio((state) => timesKey(state, component));
  const times = useTimes(({ measured }) => (key === null ? null : (measured[key] ?? null)));
  const measuring = useTimes((state) => (state.measuring?.key === key ? state.measuring : null));
  return { times, measuring };
}
