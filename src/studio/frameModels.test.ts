/** Models of frames: known by their graphs, fed in the range that was asked for, and read back in pixels of the clip. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { drawClip } from '../metrics/testing/clips';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { type FrameRange, openFrameModel } from './frameModels';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frames-'));
  const write = (name: string, build: Parameters<typeof buildModel>[0]) =>
    writeFile(join(folder, name), writeModel(buildModel(build)));
  await write('features.onnx', (b) => {
    const picture = b.input('picture', [1, 3, 4, 6]);
    b.op('ReduceMean', [picture], { axes: [2, 3], keepdims: 0 }, { name: '/mean', outputs: ['features'] });
    b.output('features', [1, 3]);
  });
  await write('flow.onnx', (b) => {
    const [first, second] = [b.input('image1', [1, 3, 8, 12]), b.input('image2', [1, 3, 8, 12])];
    const change = b.op('Sub', [second, first], {}, { name: '/sub' });
    const part = [b.ints('starts', [0]), b.ints('ends', [2]), b.ints('axes', [1])];
    b.op('Slice', [change, ...part], {}, { name: '/slice', outputs: ['flow'] });
    b.output('flow', [1, 2, 8, 12]);
  });
  await write('midpoint.onnx', (b) => {
    const [first, second, time] = [b.input('img0', [1, 3, 4, 6]), b.input('img1', [1, 3, 4, 6]), b.input('embt', [1])];
    const sum = b.op('Add', [first, second], {}, { name: '/add' });
    b.op('Mul', [sum, time], {}, { name: '/mul', outputs: ['between'] });
    b.output('between', [1, 3, 4, 6]);
  });
  await write('none.onnx', (b) => {
    const x = b.input('x', [1, 3, 4, 6]);
    b.op('Neg', [x], {}, { name: '/neg', outputs: ['y'] });
    b.output('y', [1, 3, 4, 6]);
  });
});
afterAll(() => rm(folder, { recursive: true }));

/** Red 0, 51, 102 ..., green 255, blue 0. */
const clip = drawClip(3, 6, 4, (_x, _y, t) => [51 * t, 255, 0]);
const open = async (name: string, range: FrameRange) =>
  openFrameModel(await nodeFolder(folder), name, nodeRuntime(), range);

describe('models of frames', () => {
  it('give features of each frame, in the range that was asked for', async () => {
    const { models, release } = await open('features.onnx', '-1..1');
    const rows = await models.features!.rowsOf(clip);
    expect(rows.map((row) => [...Array.from(row)].map((value) => Math.round(value * 100) / 100))).toEqual([
      [-1, 1, -1],
      [-0.6, 1, -1],
      [-0.2, 1, -1],
    ]);
    await release();
    const imagenet = await open('features.onnx', 'imagenet');
    const [first] = await imagenet.models.features!.rowsOf(clip);
    expect(first![1]).toBeCloseTo((1 - 0.456) / 0.224, 4);
    await imagenet.release();
  });

  it('give flow in pixels of the clip, whatever size they look at', async () => {
    const { models, release } = await open('flow.onnx', '0..255');
    const { width, height, u, v } = await models.flow!.between(clip, 0, 2);
    expect([width, height]).toEqual([12, 8]);
    expect(u[0]).toBeCloseTo(102 * (6 / 12), 3); // twice the size: vectors half as long in the clip
    expect(v[0]).toBeCloseTo(0, 6);
    await release();
  });

  it('give the frame between, at half the way', async () => {
    const { models, release } = await open('midpoint.onnx', '0..1');
    const between = await models.midpoint!.of(clip, 0);
    expect([...Array.from(between)].slice(0, 3)).toEqual([51, 255, 0]);
    await release();
  });

  it('are refused where they are none of the three', async () => {
    await expect(open('none.onnx', '0..1')).rejects.toMatchObject({ code: 'metrics/feature-model' });
  });
});
