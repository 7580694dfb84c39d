/**
 * Pseudo numerical methods (Liu et al. 2022, arXiv 2202.09778), as `PNDMScheduler` of diffusers steps them: four
 * linear multistep terms over the denoiser's outputs, begun either by Runge-Kutta (12 calls for the first 3 steps) or,
 * with `skip_prk_steps`, by Heun's rule (one call more than steps).
 */
import { present } from '../../errors/present';
import { booleanField, numberField } from '../configFields';
import type { SchedulerConfig } from '../PipelineDescription';
import { alphaAt, cumulativeAlphas, trainedSteps } from './alphas';
import { mixOf, withCarried } from './combination';
import { denoisedCoefficients } from './ddim';
import type { Estimate, Mix, Scheduler, SchedulerStep } from './Scheduler';
import { choiceField, SCHEDULER_FILE, unsupported } from './schedulerFields';
import { checkStepCount, linspace, roundHalfEven, SPACINGS, trailing } from './spacing';

/** One call: told `timestep`, it steps from one timestep to another by a sum of outputs, from latent or base. */
interface Call {
  readonly timestep: number;
  readonly from: number;
  readonly to: number;
  /** Weights of this call's output and of earlier calls', newest first. */
  readonly outputs: readonly number[];
  readonly fromBase: boolean;
  /** What the base is afterwards. */
  readonly base?: Mix;
}

const KEEPS_LATENT: Mix = { keep: 1, add: 0 };
const KEEPS_BASE: Mix = { keep: 0, add: 0, keepBase: 1 };

export function pndmScheduler(config: SchedulerConfig, steps: number): Scheduler {
  checkStepCount(steps, trainedSteps(config));
  const prediction = choiceField(config, 'prediction_type', ['epsilon', 'v_prediction'], 'epsilon');
  const alphaBars = cumulativeAlphas({ ...config, rescale_betas_zero_snr: false });
  const final = booleanField(config, 'set_alpha_to_one', false, SCHEDULER_FILE) ? 1 : present(alphaBars[0]);
  const stride = Math.floor(trainedSteps(config) / steps);
  const skips = booleanField(config, 'skip_prk_steps', false, SCHEDULER_FILE);
  if (!skips && steps < 4) throw unsupported(config, `${steps} steps`, 'its Runge-Kutta start takes 4');
  const spaced = ascendingTimesteps(config, steps);
  const calls = skips ? heunStart(spaced, stride) : rungeKuttaStart(spaced, stride);
  const alphaBar = (timestep: number) => (timestep < 0 ? final : alphaAt(config, alphaBars, timestep));
  const list = calls.map((call): SchedulerStep => {
    const told = alphaAt(config, alphaBars, call.timestep);
    const seen = denoisedCoefficients(prediction, Math.sqrt(told), Math.sqrt(1 - told));
    // the estimate is the raw output, got back from latent and denoised
    const estimate: Estimate = {
      fromLatent: -seen.denoisedFromLatent / seen.denoisedFromOutput,
      fromDenoised: 1 / seen.denoisedFromOutput,
    };
    const { sample, output } = transfer(alphaBar(call.from), alphaBar(call.to), prediction === 'v_prediction');
    const combination = {
      latent: call.fromBase ? 0 : sample,
      base: call.fromBase ? sample : 0,
      estimates: call.outputs.map((weight) => weight * output),
    };
    return {
      timestep: call.timestep,
      inputScale: 1,
      ...seen,
      ...mixOf(combination, estimate),
      noise: 0,
      estimate,
      ...(call.base ? { base: call.base } : {}),
    };
  });
  return { name: config._class_name, initialNoiseScale: 1, steps: withCarried(list) };
}

/** x' = sample x + output e (eq. 11 of the paper); v is first made the noise at the level that the step starts from. */
function transfer(from: number, to: number, velocity: boolean): { sample: number; output: number } {
  const divisor = from * Math.sqrt(1 - to) + Math.sqrt(from * (1 - from) * to);
  const output = -(to - from) / divisor;
  const sample = Math.sqrt(to / from);
  return velocity
    ? { sample: sample + output * Math.sqrt(1 - from), output: output * Math.sqrt(from) }
    : { sample, output };
}

/** Adams-Bashforth over so many outputs. */
const MULTISTEP: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/** The second highest timestep is called twice; its second output counts in its own step alone. */
function heunStart(spaced: readonly number[], stride: number): Call[] {
  const order = [...spaced.slice(0, -1), ...spaced.slice(-2, -1), present(spaced.at(-1))].reverse();
  return order.map((timestep, i) => {
    if (i === 1) return { timestep, from: timestep + stride, to: timestep, outputs: [1 / 2, 1 / 2], fromBase: true };
    const [now, ...earlier] = present(MULTISTEP[Math.min(3, i === 0 ? 0 : i - 1)]);
    // counted back from call i, the first call's output lies behind that of the second one
    const known = i - 1;
    const outputs = [present(now), ...earlier.flatMap((weight, k) => (k + 1 === known ? [0, weight] : [weight]))];
    return {
      timestep,
      from: timestep,
      to: timestep - stride,
      outputs,
      fromBase: false,
      ...(i === 0 ? { base: KEEPS_LATENT } : {}),
    };
  });
}

function rungeKuttaStart(spaced: readonly number[], stride: number): Call[] {
  const half = Math.floor(stride / 2);
  const pairs = spaced.slice(-4).flatMap((timestep) => [timestep, timestep + half]);
  const start = pairs
    .slice(0, -1)
    .flatMap((timestep) => [timestep, timestep])
    .slice(1, -1)
    .reverse();
  const calls = start.map((timestep, i): Call => {
    const stage = i % 4;
    const outputs = stage === 3 ? [1 / 6, 1 / 3, 1 / 3, 1 / 6] : [1];
    const base = stage === 0 ? KEEPS_LATENT : KEEPS_BASE;
    return {
      timestep,
      from: present(start[i - stage]),
      to: timestep - (i % 2 ? 0 : half),
      outputs,
      fromBase: stage > 0,
      base,
    };
  });
  const rest = spaced.slice(0, -3).reverse();
  // each Runge-Kutta step leaves its first call's output: calls 8, 4 and 0
  const behind = (call: number, back: number) =>
    call - back >= 12 ? back : call - present([8, 4, 0][back - (call - 12) - 1]);
  const multistep = rest.map((timestep, k): Call => {
    const outputs: number[] = [];
    present(MULTISTEP[3]).forEach((weight, back) => (outputs[back === 0 ? 0 : behind(12 + k, back)] = weight));
    return {
      timestep,
      from: timestep,
      to: timestep - stride,
      outputs: Array.from(outputs, (weight) => weight ?? 0),
      fromBase: false,
    };
  });
  return [...calls, ...multistep];
}

function ascendingTimesteps(config: SchedulerConfig, steps: number): number[] {
  const trained = trainedSteps(config);
  switch (choiceField(config, 'timestep_spacing', SPACINGS, 'leading')) {
    case 'linspace':
      return linspace(0, trained - 1, steps).map(roundHalfEven);
    case 'leading': {
      const offset = numberField(config, 'steps_offset', 0, SCHEDULER_FILE);
      return Array.from({ length: steps }, (_, i) => i * Math.floor(trained / steps) + offset);
    }
    case 'trailing':
      return trailing(trained, trained, steps).reverse();
  }
}
