/**
 * Previews of a sampling, by a clock that only planted costs move: what is measured on a preview counts in its budget.
 * Neither denoiser, decoder nor metrics are real here; theirs are the tests beside them.
 */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Clip, ClipComparison } from '../metrics/Clip';
import { compareClipsInSlices } from '../metrics/compareClips';
import type { PipelineDescription } from '../pipeline/PipelineDescription';
import { tensorOf } from '../runtime/tensors';
import type { Pipeline } from './Pipeline';
import type { SampleProgress } from './sampleData';
import { takeSampler } from './sampleTakes';
import { TEACHER, variantOf } from './Variant';

vi.mock('../metrics/compareClips', () => ({ compareClipsInSlices: vi.fn() }));

const latent = { channels: 1, frames: 2, height: 2, width: 2 };
let nowMs = 0;
const passes = (ms: number): void => {
  nowMs += ms;
};

beforeEach(() => {
  nowMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.mocked(compareClipsInSlices).mockReset();
});

/** What each costs, in milliseconds. */
interface Costs {
  readonly step: number;
  readonly decode: number;
  readonly metrics: number;
}

/** A pipeline and metrics of such costs. */
function pipelineOf({ step, decode, metrics }: Costs): Pipeline {
  vi.mocked(compareClipsInSlices).mockImplementation(async (_reference, _candidate, pause) => {
    for (let slice = 0; slice < 4; slice++) {
      passes(metrics / 4);
      await pause();
    }
    return {} as ClipComparison;
  });
  const description = {
    latent,
    denoiser: { outputChannels: 1 },
    latentLayout: 'BCFHW',
    scheduler: { _class_name: 'DDIMScheduler' },
    defaults: { negativePrompt: '' },
  } as unknown as PipelineDescription;
  return {
    description,
    inputs: { batch: 1, clipsOf: (branches: number) => branches },
    async runDenoiser(call: { latent: Float32Array }) {
      passes(step);
      return tensorOf(
        'float32',
        [1, 1, 2, 2, 2],
        call.latent.map(() => 0.1),
      );
    },
    async decode() {
      passes(decode);
      return { frameCount: 2, height: 2, width: 2, pixels: new Uint8ClampedArray(32) } satisfies Clip;
    },
  } as unknown as Pipeline;
}

const takes = [TEACHER, variantOf({ dropped: ['a'] })].map((variant) => ({
  variant,
  settings: { prompt: '', seed: 1, steps: 16, guidance: 1 },
}));

/** Steps at which there was a preview. */
async function previews(costs: Costs, signal?: AbortSignal): Promise<number[]> {
  const at: number[] = [];
  const onProgress = ({ step, steps, clips }: SampleProgress): void => {
    if (clips[1] && step < steps) at.push(step);
  };
  const sample = takeSampler(pipelineOf(costs));
  await sample({ takes, previewEvery: 'affordable' }, { onProgress, ...(signal ? { signal } : {}) });
  at.length = 0;
  nowMs += 1;
  await sample(
    { takes: takes.map((take) => ({ ...take, settings: { ...take.settings, seed: 2 } })), previewEvery: 'affordable' },
    { onProgress },
  );
  return at;
}

it.each([
  ['dear metrics', { step: 300, decode: 5, metrics: 240 }],
  ['dear decoding', { step: 300, decode: 120, metrics: 10 }],
])('takes at most a tenth of the steps for previews with what is measured on them: %s', async (_, costs) => {
  const at = await previews(costs);
  const previewMs = at.length * (2 * costs.decode + costs.metrics);
  expect(at.length).toBeGreaterThan(1);
  expect(previewMs).toBeLessThanOrEqual(0.1 * 16 * 2 * costs.step);
});

it('has none where measuring one would take 4 s and all steps take 16', async () => {
  expect(await previews({ step: 500, decode: 10, metrics: 4000 })).toEqual([]);
});

it('compares any takes with the first: what gives one clip runs once, decoders share their latents, what is kept is replayed', async () => {
  const pipeline = pipelineOf({ step: 1, decode: 1, metrics: 1 });
  const run = vi.spyOn(pipeline, 'runDenoiser');
  const decode = vi.spyOn(pipeline, 'decode');
  const of = (dropped: readonly string[], seed: number, steps: number) => ({
    variant: variantOf({ dropped }),
    settings: { prompt: '', seed, steps, guidance: 1 },
  });
  const asked = [of([], 1, 5), of([], 1, 5), of(['decoder/x'], 1, 5), of(['a'], 2, 3)];
  const sample = takeSampler(pipeline);
  const first = await sample({ takes: asked, previewEvery: 0 });
  expect(run).toHaveBeenCalledTimes(5 + 3); // other settings, fewer steps: that take waits at its end
  expect(decode).toHaveBeenCalledTimes(3);
  expect(first.clips[1]).toBe(first.clips[0]);
  const compared = vi.mocked(compareClipsInSlices).mock.calls;
  expect(compared).toHaveLength(3);
  for (const [index, [reference, candidate]] of compared.entries()) {
    expect(reference).toBe(first.clips[0]);
    expect(candidate).toBe(first.clips[index + 1]);
  }
  expect(first.comparisons.map((one) => one !== undefined)).toEqual([false, true, true, true]);

  const again = await sample({ takes: [asked[3]!, asked[0]!], previewEvery: 0 }); // the other way round
  expect(run).toHaveBeenCalledTimes(5 + 3);
  expect(again.kept).toEqual([true, true]);
  expect(again.clips[0]).toBe(first.clips[3]);
  expect(again.clips[1]).toBe(first.clips[0]);
});

it('ends in the middle of measuring when it is cancelled, and gives way there', async () => {
  const sample = takeSampler(pipelineOf({ step: 10, decode: 1, metrics: 4000 }));
  const abort = new AbortController();
  let turns = 0;
  const turn = async (): Promise<void> => {
    turns++;
    if (turns === 4) abort.abort(); // two before the step, then those between slices
  };
  const asked = sample({ takes, previewEvery: 1 }, { signal: abort.signal, turn });
  await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
  expect(turns).toBe(4);
  expect(nowMs).toBeLessThan(2 * 10 + 2 * 1 + 3000);
});
