import { describe, expect, test } from 'vitest';
import type { Branch } from './guidance';
import { branchesFor, guide } from './guidance';
import type { SampledSide, SampledStep, SampleRequest } from './sampleClips';
import { sampleClips } from './sampleClips';
import { createScheduler } from './schedulers/createScheduler';
import { seededNoise } from './seededNoise';

interface Call {
  readonly side: SampledSide;
  readonly timestep: number;
  readonly branches: readonly Branch[];
}

/** A denoiser with a teacher and a weaker student; the unconditional branch sees half the signal. */
function toyRequest(overrides: Partial<SampleRequest> = {}): { request: SampleRequest; calls: Call[] } {
  const calls: Call[] = [];
  const request: SampleRequest = {
    scheduler: createScheduler({ _class_name: 'DDIMScheduler', clip_sample: false }, 5),
    sides: ['teacher', 'student'],
    latentLength: 12,
    seed: 3,
    guidance: 2,
    denoise: async (side, latent, timestep, branches) => {
      calls.push({ side, timestep, branches });
      const strength = side === 'teacher' ? 1 : 0.9;
      return branches.map((branch) => latent.map((x) => Math.sin(x) * strength * (branch === 'conditional' ? 1 : 0.5)));
    },
    ...overrides,
  };
  return { request, calls };
}

async function collect(request: SampleRequest): Promise<SampledStep[]> {
  const steps: SampledStep[] = [];
  for await (const step of sampleClips(request)) steps.push(step);
  return steps;
}

describe('guidance', () => {
  test('at 1 only the conditional branch runs, and its output is what counts', () => {
    expect(branchesFor(1)).toEqual(['conditional']);
    const output = Float32Array.of(1, 2);
    expect(guide([output], 1)).toBe(output);
  });
  test('moves from unconditional past conditional', () => {
    expect(Array.from(guide([Float32Array.of(1, 0), Float32Array.of(2, -1)], 3))).toEqual([4, -3]);
    expect(Array.from(guide([Float32Array.of(1, 0), Float32Array.of(2, -1)], 0))).toEqual([1, 0]);
  });
});

describe('sampleClips', () => {
  test('advances both sides together, on the scheduler timesteps', async () => {
    const { request, calls } = toyRequest();
    const steps = await collect(request);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    expect(calls.map(({ side, timestep }) => `${side} ${timestep}`)).toEqual(
      [800, 600, 400, 200, 0].flatMap((timestep) => [`teacher ${timestep}`, `student ${timestep}`]),
    );
    expect(calls.every(({ branches }) => branches.join() === 'unconditional,conditional')).toBe(true);
    const last = steps[4]!.sides;
    expect(last.teacher!.latent).not.toEqual(last.student!.latent);
  });

  test('both sides see the same first latent: the seed noise', async () => {
    const seen: Float32Array[] = [];
    const { request } = toyRequest({
      denoise: async (_, latent, __, branches) => {
        seen.push(latent);
        return branches.map(() => latent);
      },
    });
    await sampleClips(request).next();
    expect(seen[0]).toEqual(seededNoise(3, 12));
    expect(seen[1]).toEqual(seen[0]);
  });

  test('one side alone gives what it gives beside the other', async () => {
    const both = await collect(toyRequest().request);
    const alone = await collect(toyRequest({ sides: ['student'] }).request);
    expect(alone.map(({ sides }) => sides.student)).toEqual(both.map(({ sides }) => sides.student));
  });

  test('a kept teacher is replayed without a denoiser call', async () => {
    const first = await collect(toyRequest().request);
    const { request, calls } = toyRequest({ kept: { teacher: first.map(({ sides }) => sides.teacher!) } });
    const again = await collect(request);
    expect(calls.every(({ side }) => side === 'student')).toBe(true);
    expect(again.map(({ sides }) => sides)).toEqual(first.map(({ sides }) => sides));
    expect(again.every(({ denoiseMs }) => denoiseMs.teacher === undefined && denoiseMs.student !== undefined)).toBe(
      true,
    );
  });

  test('noise added by stochastic samplers is the same on both sides and for every run', async () => {
    const scheduler = createScheduler({ _class_name: 'FlowMatchEulerDiscreteScheduler', stochastic_sampling: true }, 4);
    const denoise: SampleRequest['denoise'] = async (_, latent, __, branches) =>
      branches.map(() => new Float32Array(latent.length));
    const steps = await collect(toyRequest({ scheduler, denoise }).request);
    expect(steps[3]!.sides.teacher).toEqual(steps[3]!.sides.student);
    expect(await collect(toyRequest({ scheduler, denoise }).request)).toEqual(
      steps.map((step) => ({ ...step, denoiseMs: expect.anything() })),
    );
  });

  test('an abort stops before the next denoiser call, as an AbortError', async () => {
    const controller = new AbortController();
    const { request, calls } = toyRequest({ signal: controller.signal });
    const generator = sampleClips(request);
    await generator.next();
    controller.abort('enough');
    await expect(generator.next()).rejects.toMatchObject({ name: 'AbortError' });
    expect(calls).toHaveLength(2);
  });
});
