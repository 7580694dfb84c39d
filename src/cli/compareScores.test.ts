/**
 * `compare --vbench`, `--frame-model` and `--features`: models whose answer is known by construction are used and named, few
 * clips give a discrepancy and no Frechet distance, and two models of a kind are refused.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { bundledPipeline, temporaryFolder } from './testing/fixtureModel';
import { runCliError, runCliJson } from './testing/runCli';

interface ScoresJson {
  readonly vbench: {
    readonly by: { readonly flow: string; readonly midpoint: string; readonly features: string };
    readonly sides: readonly {
      readonly name: string;
      readonly scores: Readonly<Record<string, { readonly mean: number } | null>>;
      readonly dynamicDegree: number;
    }[];
  };
  readonly features: {
    readonly model: string;
    readonly clips: number;
    readonly featureLength: number;
    readonly pairs: readonly {
      readonly reference: string;
      readonly candidate: string;
      readonly frechet: number | null;
      readonly refused: string;
      readonly mmd: { readonly value: number };
    }[];
  };
}

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  const write = (name: string, build: Parameters<typeof buildModel>[0]) =>
    writeFile(at(name), writeModel(buildModel(build)));
  await write('ones.onnx', (b) => {
    const picture = b.input('picture', [1, 3, 8, 8]);
    const mean = b.op('ReduceMean', [picture], { axes: [2, 3], keepdims: 0 }, { name: '/mean' });
    const zero = b.op('Mul', [mean, b.weight('zero', [1], [0])], {}, { name: '/zero' });
    b.op('Add', [zero, b.weight('one', [1], [1])], {}, { name: '/one', outputs: ['features'] });
    b.output('features', [1, 3]);
  });
  await write('still.onnx', (b) => {
    const [first, second] = [b.input('image1', [1, 3, 8, 8]), b.input('image2', [1, 3, 8, 8])];
    const change = b.op('Sub', [second, first], {}, { name: '/sub' });
    const none = b.op('Mul', [change, b.weight('zero', [1], [0])], {}, { name: '/zero' });
    const part = [b.ints('starts', [0]), b.ints('ends', [2]), b.ints('axes', [1])];
    b.op('Slice', [none, ...part], {}, { name: '/slice', outputs: ['flow'] });
    b.output('flow', [1, 2, 8, 8]);
  });
  await write('clips.onnx', (b) => {
    const clip = b.input('clip', [1, 4, 3, 8, 8]);
    b.op('ReduceMean', [clip], { axes: [1, 3, 4], keepdims: 0 }, { name: '/mean', outputs: ['features'] });
    b.output('features', [1, 3]);
  });
});
afterAll(() => rm(folder, { recursive: true }));

it('scores clips by the models that were given, and names them', { timeout: 180_000 }, async () => {
  const cheap = ['--steps', '1', '--display', 'none', '--preset', 'vdmini'];
  const models = ['--frame-model', `${at('ones.onnx')}=imagenet`, '--frame-model', at('still.onnx')];
  const run = ['compare', bundledPipeline, ...cheap, '--seeds', '4', '--vbench', ...models];
  const { vbench, features } = await runCliJson<ScoresJson>(...run, '--features', at('clips.onnx'), '--json');
  expect(vbench.by.features).toContain('ones.onnx, colours imagenet');
  expect(vbench.by.flow).toContain('still.onnx');
  expect(vbench.sides.map(({ name }) => name)).toEqual(['teacher', 'vdmini']);
  for (const { scores, dynamicDegree } of vbench.sides) {
    expect(scores['frameConsistency']?.mean).toBeCloseTo(1, 6); // the same features whatever the frame
    expect(dynamicDegree).toBe(0); // nothing flows
    expect(scores['motionMagnitude']?.mean).toBe(0);
    expect(scores['temporalFlickering']?.mean).toBeGreaterThan(0.5);
    expect(scores['temporalFlickering']?.mean).toBeLessThan(1);
  }
  expect(features.model).toContain('clips.onnx');
  expect([features.clips, features.featureLength]).toEqual([4, 3]);
  const [pair] = features.pairs;
  expect([pair?.reference, pair?.candidate, pair?.frechet]).toEqual(['teacher', 'vdmini', null]);
  expect(pair?.refused).toContain('256');
  expect(Number.isFinite(pair?.mmd.value)).toBe(true);
  const twice = ['--frame-model', at('ones.onnx'), '--frame-model', at('ones.onnx')];
  expect((await runCliError('compare', bundledPipeline, ...cheap, ...twice)).code).toBe('cli/usage');
});
