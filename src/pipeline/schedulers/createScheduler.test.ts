import { describe, expect, test } from 'vitest';
import fixture from '../fixtures/schedulers.json';
import type { SchedulerConfig } from '../PipelineDescription';
import { createScheduler } from './createScheduler';
import { withDynamicShift } from './flowShift';
import type { GivenGrid } from './givenGrid';
import { withGrid } from './givenGrid';
import type { StepResult } from './Scheduler';
import { applyStep } from './Scheduler';

interface Case {
  readonly config: SchedulerConfig;
  readonly steps: number;
  readonly initialNoiseScale: number;
  readonly timesteps: readonly number[];
  readonly latents: readonly (readonly number[])[];
  readonly noises?: readonly (readonly number[])[];
  readonly tokens?: number;
  readonly grid?: GivenGrid;
}

const cases = fixture.cases as unknown as readonly Case[];

function toyDenoiser(input: Float32Array, timestep: number): Float32Array {
  return input.map((x) => 0.8 * Math.sin(3 * x + 0.001 * timestep) + 0.1 * x);
}

/** All latents of a run on the toy denoiser, in the order of the steps. */
function run(config: SchedulerConfig, reference: Case): Float32Array[] {
  const scheduler = createScheduler(config, reference.steps);
  let latent = Float32Array.from(fixture.start, (value) => value * scheduler.initialNoiseScale);
  let previous: StepResult | undefined;
  return scheduler.steps.map((step, i) => {
    const output = toyDenoiser(
      latent.map((x) => x * step.inputScale),
      step.timestep,
    );
    const noise = reference.noises ? Float32Array.from(reference.noises[i]!) : undefined;
    const result = applyStep(step, { latent, output, previous, noise });
    latent = result.latent as Float32Array<ArrayBuffer>;
    previous = result;
    return latent;
  });
}

describe(`schedulers against diffusers ${fixture.diffusers}`, () => {
  test.each(
    cases.map(
      (entry) =>
        [
          `${entry.config._class_name} ${JSON.stringify({ ...entry.config, _class_name: undefined, trained_betas: undefined, grid: entry.grid })}`,
          entry,
        ] as const,
    ),
  )('%s', (_, reference) => {
    const shifted =
      reference.tokens === undefined ? reference.config : withDynamicShift(reference.config, reference.tokens);
    const config = withGrid(shifted, reference.grid);
    const scheduler = createScheduler(config, reference.steps);
    expect(scheduler.steps).toHaveLength(reference.timesteps.length);
    scheduler.steps.forEach((step, i) =>
      expect(Math.abs(step.timestep - reference.timesteps[i]!)).toBeLessThanOrEqual(
        2e-6 * Math.max(1, Math.abs(reference.timesteps[i]!)),
      ),
    );
    expect(scheduler.initialNoiseScale / reference.initialNoiseScale).toBeCloseTo(1, 6);
    const latents = run(config, reference);
    let worst = 0;
    latents.forEach((latent, i) => {
      const expected = reference.latents[i]!;
      const scale = Math.max(1, ...expected.map(Math.abs));
      latent.forEach((value, j) => (worst = Math.max(worst, Math.abs(value - expected[j]!) / scale)));
    });
    // Euler at zero terminal SNR starts at sigma = 4096 = 2^12, where float32's abar = 2^-24 has few digits.
    const steep = config._class_name === 'EulerDiscreteScheduler' && config['rescale_betas_zero_snr'] === true;
    expect(worst).toBeLessThan(steep ? 5e-5 : 5e-6);
  });
});

interface DrawnCase extends Omit<Case, 'latents' | 'noises' | 'grid'> {
  readonly last: readonly number[];
  /** What float32 loses in diffusers' own run. */
  readonly rounding: number;
}

const drawn = fixture.sample as unknown as readonly DrawnCase[];
const drawnClasses = [...new Set(drawn.map(({ config }) => config._class_name))];

describe('settings drawn at random', () => {
  test.each(drawnClasses)('%s', (name) => {
    for (const { last, rounding, ...entry } of drawn.filter(({ config }) => config._class_name === name)) {
      const config = entry.tokens === undefined ? entry.config : withDynamicShift(entry.config, entry.tokens);
      const what = `${entry.steps} steps of ${JSON.stringify(config)}`;
      const { steps } = createScheduler(config, entry.steps);
      expect(steps.map(({ timestep }) => timestep).length, what).toBe(entry.timesteps.length);
      const far = steps.filter(
        (step, i) => Math.abs(step.timestep - entry.timesteps[i]!) > 2e-6 * Math.max(1, Math.abs(entry.timesteps[i]!)),
      );
      expect(far, what).toEqual([]);
      const latents = run(config, { ...entry, latents: [], noises: fixture.noises });
      const scale = Math.max(1, ...last.map(Math.abs));
      const worst = Math.max(...latents.at(-1)!.map((value, j) => Math.abs(value - last[j]!) / scale));
      expect(worst, what).toBeLessThan(1e-5 + 3 * rounding);
    }
  });
});

describe('what is refused', () => {
  const refused: readonly [string, SchedulerConfig, number][] = [
    ['an unknown class', { _class_name: 'RePaintScheduler' }, 4],
    ['a class named like a method of Object', { _class_name: 'constructor' }, 4],
    ['an unknown beta schedule', { _class_name: 'DDIMScheduler', beta_schedule: 'sigmoid' }, 4],
    ['an unknown prediction type', { _class_name: 'DDIMScheduler', prediction_type: 'x' }, 4],
    ['more steps than were trained', { _class_name: 'DDIMScheduler', num_train_timesteps: 10 }, 11],
    [
      'an offset that leaves the schedule',
      { _class_name: 'DDIMScheduler', num_train_timesteps: 10, steps_offset: 1 },
      10,
    ],
    [
      'epsilon prediction at zero SNR',
      { _class_name: 'DDIMScheduler', rescale_betas_zero_snr: true, timestep_spacing: 'trailing' },
      4,
    ],
    [
      'dynamic shifting without a number of tokens',
      { _class_name: 'FlowMatchEulerDiscreteScheduler', use_dynamic_shifting: true },
      4,
    ],
    ['more steps than were distilled', { _class_name: 'LCMScheduler' }, 51],
    ['order 4', { _class_name: 'DPMSolverMultistepScheduler', solver_order: 4 }, 4],
    ['settings that lead to NaN', { _class_name: 'UniPCMultistepScheduler', lower_order_final: false }, 4],
    ['sigmas for a class that takes none', { _class_name: 'DDIMScheduler', given_grid: { sigmas: [1, 0.5] } }, 2],
    ['a learned variance', { _class_name: 'DPMSolverMultistepScheduler', variance_type: 'learned_range' }, 4],
  ];
  test.each(refused)('%s', (_, config, steps) => {
    expect(() => createScheduler(config, steps)).toThrow(
      expect.objectContaining({ code: 'library/unsupported-scheduler' }),
    );
  });
  test.each(['PNDMScheduler', 'DDIMScheduler', 'EulerDiscreteScheduler', 'LCMScheduler', 'UniPCMultistepScheduler'])(
    'tables of a thousand million steps are not made: %s',
    (name) => {
      const config = { _class_name: name, num_train_timesteps: 1e9 } as SchedulerConfig;
      expect(() => createScheduler(config, 4)).toThrow(
        expect.objectContaining({ code: 'library/invalid-config', message: expect.stringContaining('1000000000') }),
      );
    },
  );

  test.each(['PNDMScheduler', 'DDIMScheduler', 'EulerDiscreteScheduler', 'UniPCMultistepScheduler'])(
    'fewer trained betas than timesteps: %s',
    (name) => {
      for (const trained_betas of [[], [0.1, 0.2]])
        expect(() => createScheduler({ _class_name: name, trained_betas } as SchedulerConfig, 4)).toThrow(
          expect.objectContaining({
            code: 'library/invalid-config',
            facts: expect.objectContaining({ field: 'trained_betas' }),
          }),
        );
    },
  );

  test('a field of the wrong type is an invalid config that names it', () => {
    expect(() => createScheduler({ _class_name: 'DDIMScheduler', beta_start: 'small' }, 4)).toThrow(
      expect.objectContaining({
        code: 'library/invalid-config',
        facts: { file: 'scheduler_config.json', field: 'beta_start' },
      }),
    );
  });
});

test('a grid that is stretched to its last level: four steps as diffusers 0.42 has them, and one from pure noise', () => {
  const config = { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 2, shift_terminal: 0.5 };
  const levels = (steps: number) => createScheduler(config, steps).steps.map(({ timestep }) => timestep / 1000);
  [1, 0.899840235710144, 0.7497504949569702, 0.5].forEach((level, i) => expect(levels(4)[i]).toBeCloseTo(level, 5));
  expect(levels(1)).toEqual([1]);
});
