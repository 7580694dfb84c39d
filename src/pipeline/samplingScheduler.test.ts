import { describe, expect, test } from 'vitest';
import type { SchedulerConfig } from './PipelineDescription';
import { assumedScheduler, samplingScheduler } from './samplingScheduler';
import { createScheduler } from './schedulers/createScheduler';

const SD = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: 'scaled_linear', prediction_type: 'v_prediction' };

describe('schedulers that the studio does not step', () => {
  test.each<[SchedulerConfig, object]>([
    [
      { _class_name: 'TCDScheduler', ...SD },
      { _class_name: 'DDIMScheduler', clip_sample: false },
    ],
    [
      { _class_name: 'DDPMScheduler', ...SD, clip_sample: true },
      { _class_name: 'DDIMScheduler', clip_sample: true },
    ],
    [
      { _class_name: 'UniPCMultistepScheduler', ...SD, solver_order: 4 },
      { _class_name: 'DPMSolverMultistepScheduler' },
    ],
    [
      { _class_name: 'KDPM2DiscreteScheduler', ...SD, use_karras_sigmas: true },
      { _class_name: 'DPMSolverMultistepScheduler', use_karras_sigmas: true },
    ],
    [{ _class_name: 'LMSDiscreteScheduler', ...SD }, { _class_name: 'EulerDiscreteScheduler' }],
    [
      { _class_name: 'EulerDiscreteScheduler', ...SD, interpolation_type: 'cubic' },
      { _class_name: 'EulerDiscreteScheduler', use_karras_sigmas: undefined },
    ],
    [
      {
        _class_name: 'UniPCMultistepScheduler',
        prediction_type: 'flow_prediction',
        use_flow_sigmas: true,
        flow_shift: 5,
        solver_order: 4,
      },
      { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 5 },
    ],
    [
      { _class_name: 'FlowMatchHeunDiscreteScheduler', shift: 2 },
      { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 2 },
    ],
    [
      { _class_name: 'CogVideoXUnheardScheduler', ...SD, snr_shift_scale: 1 },
      { _class_name: 'CogVideoXDDIMScheduler', snr_shift_scale: 1 },
    ],
    [
      { _class_name: 'EDMDPMSolverMultistepScheduler', sigma_data: 1, solver_order: 4 },
      { _class_name: 'EDMEulerScheduler', sigma_data: 1 },
    ],
    [
      { _class_name: 'DDIMScheduler', ...SD, given_grid: { sigmas: [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1] } },
      { _class_name: 'DDIMScheduler' },
    ],
    [
      { _class_name: 'SomebodysScheduler', ...SD, beta_schedule: 'sigmoid' },
      { _class_name: 'DDIMScheduler', beta_schedule: undefined },
    ],
  ])('$_class_name', (config, expected) => {
    const chosen = samplingScheduler(config, 100, 10);
    expect(chosen.config).toMatchObject(expected);
    if (config['prediction_type'] === 'v_prediction') expect(chosen.config['prediction_type']).toBe('v_prediction');
    expect(chosen.note).toContain(config._class_name);
    expect(chosen.note).toContain(chosen.config._class_name);
    expect(createScheduler(chosen.config, 10).steps).toHaveLength(10);
  });
});

test('what it steps is taken as it is, without a note', () => {
  const config = { _class_name: 'DDIMScheduler', ...SD };
  expect(samplingScheduler(config, 100, 10)).toEqual({ config });
});

test('a malformed field is an error, not a reason to replace', () => {
  expect(() => samplingScheduler({ _class_name: 'DDIMScheduler', beta_start: 'x' }, 100, 10)).toThrow(
    expect.objectContaining({ code: 'library/invalid-config' }),
  );
});

test.each([true, false])('the assumed scheduler steps (flow: %s)', (isFlow) => {
  expect(createScheduler(assumedScheduler(isFlow), 20).steps).toHaveLength(20);
});

test('the substitute for noise prediction at zero SNR is not what was refused', () => {
  const config = {
    ...SD,
    _class_name: 'DDIMScheduler',
    prediction_type: 'epsilon',
    rescale_betas_zero_snr: true,
    timestep_spacing: 'trailing',
  };
  const { config: chosen, note } = samplingScheduler(config, 100, 10);
  expect(note).toMatch(/rescale_betas_zero_snr.*plainer settings of DDIMScheduler instead/);
  expect(chosen).toMatchObject({ _class_name: 'DDIMScheduler', rescale_betas_zero_snr: false });
  expect(createScheduler(chosen, 10).steps).toHaveLength(10);
});

test('where nothing can take its place, the scheduler is refused by name', () => {
  const config = { _class_name: 'EDMUnheardScheduler', sigma_schedule: 'unheard' };
  expect(() => samplingScheduler(config, 100, 10)).toThrow(
    expect.objectContaining({ code: 'library/unsupported-scheduler', message: expect.stringContaining('EDMUnheard') }),
  );
});
