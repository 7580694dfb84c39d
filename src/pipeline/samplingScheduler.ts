/**
 * Which scheduler a described pipeline samples with. A config that the studio steps itself is taken as it is;
 * another is replaced by the nearest one that reads the same betas (diffusers' own `from_config` across classes),
 * and a note says so, because a pipeline can be pruned and compared under any sampler.
 */
import { StudioError } from '../errors/StudioError';
import type { SchedulerConfig } from './PipelineDescription';
import { createScheduler } from './schedulers/createScheduler';
import { withDynamicShift } from './schedulers/flowShift';

export interface SamplingScheduler {
  readonly config: SchedulerConfig;
  readonly note?: string;
}

/** Multistep and higher-order solvers of the same ODE, nearest to DPM-Solver++. */
const NEAR_DPM_SOLVER = [
  'DPMSolverMultistepScheduler',
  'UniPCMultistepScheduler',
  'DEISMultistepScheduler',
  'DPMSolverSinglestepScheduler',
  'HeunDiscreteScheduler',
  'KDPM2DiscreteScheduler',
];
const NEAR_EULER = ['LMSDiscreteScheduler', 'EulerDiscreteScheduler'];

/**
 * `tokens`: the denoiser's sequence length, for dynamic shifting; `steps`: what the config is tried with. Throws
 * `library/invalid-config` for a malformed field, and `library/unsupported-scheduler` where nothing that the studio
 * steps could take the scheduler's place: a denoiser of EDM's preconditioning under another kind of sampler gives noise.
 */
export function samplingScheduler(config: SchedulerConfig, tokens: number, steps: number): SamplingScheduler {
  const wanted = withDynamicShift(config, tokens);
  const refused = refusal(wanted, steps);
  if (!refused) return { config: wanted };
  for (const candidate of substitutesFor(config)) {
    const substitute = withDynamicShift(candidate, tokens);
    if (refusal(substitute, steps)) continue;
    const same = substitute._class_name === config._class_name;
    const instead = same ? `plainer settings of ${substitute._class_name}` : substitute._class_name;
    return { config: substitute, note: `${refused.message} The clips are sampled with ${instead} instead.` };
  }
  throw refused;
}

/** Why `createScheduler` refuses the config; undefined when it does not. */
function refusal(config: SchedulerConfig, steps: number): StudioError | undefined {
  try {
    createScheduler(config, steps);
    return undefined;
  } catch (error) {
    if (error instanceof StudioError && error.code === 'library/unsupported-scheduler') return error;
    throw error;
  }
}

/** Nearest first. The last one leaves out zero terminal SNR, which noise prediction cannot have. */
function substitutesFor(config: SchedulerConfig): SchedulerConfig[] {
  if (config._class_name.startsWith('EDM') || 'sigma_data' in config) {
    const levels = pick(config, ['sigma_min', 'sigma_max', 'sigma_data', 'sigma_schedule', 'prediction_type', 'rho']);
    return [{ ...levels, _class_name: 'EDMEulerScheduler' }];
  }
  const nearest = nearestTo(config);
  return [nearest, { ...nearest, rescale_betas_zero_snr: false }];
}

function nearestTo(config: SchedulerConfig): SchedulerConfig {
  const name = config._class_name;
  const shift = config['flow_shift'] ?? config['shift'];
  if (
    config['use_flow_sigmas'] === true ||
    config['prediction_type'] === 'flow_prediction' ||
    name.startsWith('FlowMatch')
  ) {
    return {
      _class_name: 'FlowMatchEulerDiscreteScheduler',
      num_train_timesteps: config['num_train_timesteps'],
      shift: shift ?? 1,
    };
  }
  if (name.startsWith('CogVideoX')) return { ...config, _class_name: 'CogVideoXDDIMScheduler' };
  const betas = pick(config, [
    'num_train_timesteps',
    'beta_start',
    'beta_end',
    'trained_betas',
    'rescale_betas_zero_snr',
    'steps_offset',
    'timestep_spacing',
  ]);
  const known = {
    ...betas,
    beta_schedule: ['linear', 'scaled_linear', 'squaredcos_cap_v2'].includes(String(config['beta_schedule']))
      ? config['beta_schedule']
      : undefined,
    prediction_type: ['epsilon', 'sample', 'v_prediction'].includes(String(config['prediction_type']))
      ? config['prediction_type']
      : undefined,
    use_karras_sigmas: config['use_karras_sigmas'],
  };
  if (NEAR_DPM_SOLVER.includes(name)) return { ...known, _class_name: 'DPMSolverMultistepScheduler' };
  if (NEAR_EULER.includes(name)) return { ...known, _class_name: 'EulerDiscreteScheduler' };
  return {
    ...known,
    clip_sample: config['clip_sample'] ?? false,
    set_alpha_to_one: config['set_alpha_to_one'],
    _class_name: 'DDIMScheduler',
  };
}

function pick(config: SchedulerConfig, fields: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(fields.filter((field) => field in config).map((field) => [field, config[field]]));
}

/** For a denoiser that comes without a scheduler: the commonest one of its kind. */
export function assumedScheduler(isFlow: boolean): SchedulerConfig {
  if (isFlow) return { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 };
  return {
    _class_name: 'DDIMScheduler',
    beta_start: 0.00085,
    beta_end: 0.012,
    beta_schedule: 'scaled_linear',
    clip_sample: false,
    set_alpha_to_one: false,
    steps_offset: 1,
  };
}
