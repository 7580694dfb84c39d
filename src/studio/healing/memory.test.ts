/** Memory while healing stays flat: 2,000 steps of a small model, counted as the process's resident bytes. `npm run test:full`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nodeFolder } from '../../library/nodeFolder';
import { writeModel } from '../../onnx/writeModel';
import { nodeRuntime } from '../../runtime/nodeRuntime';
import { openPipeline } from '../openPipeline';
import { heal } from './heal';
import { defaultHealSettings } from './healData';
import { linearDenoiser } from './testing/linearDenoiser';

const STEPS = 2000;
/** Bytes in 1,000 steps. One state of the batch left behind in each step would be 16 MB. */
const ALLOWED = 12e6;

it.runIf(process.env.VDMINI_FULL)(
  'takes no more memory at step 2,000 than at step 500',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'heal-memory-'));
    const path = join(folder, 'model.onnx');
    await writeFile(path, writeModel(linearDenoiser('batch')));
    const pipeline = await openPipeline(await nodeFolder(path), nodeRuntime({ threads: 1 }));
    const resident: number[] = [];
    await heal(
      pipeline,
      { plan: { dropped: ['blocks.0'] }, weights: 'original' },
      {
        ...defaultHealSettings,
        stages: ['end'],
        steps: STEPS,
        learningRate: 1e-3,
        mcaWeight: 1e-3,
        clips: 16,
        heldOutClips: 1,
        prompts: [''],
        samplingSteps: 4,
        guidance: 1,
      },
      { onProgress: ({ training }) => training && resident.push(process.memoryUsage.rss()) },
    );
    await pipeline.release();
    await rm(folder, { recursive: true });
    expect(resident.length).toBeGreaterThan(1900); // it may end early, for want of a gain
    const median = (from: number, to: number) => resident.slice(from, to).sort((a, b) => a - b)[(to - from) >> 1]!;
    expect(median(1500, 1900) - median(500, 900)).toBeLessThan(ALLOWED);
  },
  600_000,
);
