/** Feature models of the person: layouts, sizes and ranges that their graphs say, and graphs that give no features. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { drawClip } from '../metrics/testing/clips';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { openFeatureModel } from './clipFeatures';
import type { FeatureRange } from './featureData';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'features-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Mean over all but some dimensions. */
async function meanModel(name: string, shape: readonly number[], keep: readonly number[], outputs: readonly number[]) {
  const model = buildModel((b) => {
    const clips = b.input('clips', shape);
    const axes = [1, 2, 3, 4].filter((axis) => !keep.includes(axis));
    const node = { name: '/mean', outputs: ['features'] };
    b.op('ReduceMean', [clips], { axes, keepdims: 0 }, node);
    b.output('features', [1, ...outputs]);
  });
  await writeFile(join(folder, name), writeModel(model));
}

async function featuresOf(name: string, range: FeatureRange, clip: Parameters<typeof drawClip>) {
  const model = await openFeatureModel(await nodeFolder(folder), name, nodeRuntime(), range);
  const row = await model.featuresOf(drawClip(...clip));
  await model.release();
  return [...row];
}

/** Red is 51 in frame 0 and 102 in frame 1; green 0, blue 255. */
const clip: Parameters<typeof drawClip> = [2, 6, 4, (_x, _y, t) => [51 * (t + 1), 0, 255]];

describe('feature models', () => {
  it.each([
    ['TCHW', [1, 2, 3, 4, 6], 2],
    ['CTHW', [1, 3, 2, 4, 6], 1],
    ['THWC', [1, 2, 4, 6, 3], 4],
  ] as const)('%s: colours stand where the graph has three of them', async (name, shape, axis) => {
    await meanModel(`${name}.onnx`, shape, [axis], [3]);
    const near = (row: readonly number[], expected: readonly number[]) =>
      row.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
    near(await featuresOf(`${name}.onnx`, '0..1', clip), [0.3, 0, 1]);
    near(await featuresOf(`${name}.onnx`, '-1..1', clip), [-0.4, -1, 1]);
    near(await featuresOf(`${name}.onnx`, '0..255', clip), [76.5, 0, 255]);
  });

  it('fits frames and pixels to what the graph takes', async () => {
    await meanModel('frames.onnx', [1, 3, 3, 8, 8], [1], [3]);
    const ramp: Parameters<typeof drawClip> = [5, 16, 16, (_x, _y, t) => [50 * t, 50 * t, 50 * t]];
    expect(await featuresOf('frames.onnx', '0..255', ramp)).toEqual([0, 100, 200]);
  });

  it('are named where they give no features', async () => {
    await meanModel('flat.onnx', [1, 2, 4, 4, 6], [2], [4]);
    await meanModel('cube.onnx', [1, 2, 3, 4, 6], [2, 3, 4], [3, 4, 6]);
    for (const [name, why] of [
      ['flat.onnx', 'none of its input’s dimensions is 3'],
      ['cube.onnx', ''],
    ] as const) {
      const opened = openFeatureModel(await nodeFolder(folder), name, nodeRuntime(), '0..1');
      if (why === '') {
        await (await opened).release(); // an output named "features" is taken as it is
        continue;
      }
      await expect(opened).rejects.toMatchObject({ code: 'metrics/feature-model' });
      await expect(opened).rejects.toThrow(why);
    }
  });
});
