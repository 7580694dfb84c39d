/**
 * `vdmini plan` on a model of milliseconds: what `--json` promises, clips that the search did not see, and figures of a
 * finetune with the same graph, which are refused.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { runCli, runCliError, runCliJson } from './testing/runCli';

const SHAPE = [1, 4, 4, 8, 8];

/** Residual blocks of which the second does little. */
const model = (little: number) =>
  writeModel(
    buildModel((b) => {
      const sample = b.input('sample', SHAPE);
      b.input('timestep', [1], 'float32');
      let x = b.op('Conv', [sample, b.weight('conv_in.weight', [4, 4, 1, 1, 1])], {}, { name: '/conv_in/Conv' });
      for (const [index, gain] of [1, little, 0.7].entries()) {
        const node = (op: string) => ({ name: `/blocks.${index}/${op}` });
        const conv = b.op('Conv', [x, b.weight(`blocks.${index}.weight`, [4, 4, 1, 1, 1])], {}, node('Conv'));
        const scaled = b.op('Mul', [conv, b.weight(`blocks.${index}.gain`, [1], [gain])], {}, node('Mul'));
        x = b.op('Add', [x, scaled], {}, node('Add'));
      }
      const out = { name: '/conv_out/Conv', outputs: ['out_sample'] };
      b.op('Conv', [x, b.weight('conv_out.weight', [4, 4, 1, 1, 1])], {}, out);
      b.output('out_sample', SHAPE);
    }),
  );

let folder: string;
const at = (name: string) => join(folder, name);
const common = ['--steps', '2', '--guidance', '1'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planned-'));
  await writeFile(at('model.onnx'), model(0.01));
  await writeFile(at('finetune.onnx'), model(0.02));
  await writeFile(at('prompts.txt'), 'one\ntwo\n');
});
afterAll(() => rm(folder, { recursive: true }));

it('prints what it promises, scores held-out clips, and takes no figures of a finetune', {
  timeout: 120_000,
}, async () => {
  const importance = at('importance.json');
  const analyzed = await runCli('analyze', at('model.onnx'), '--out', importance, ...common);
  expect(analyzed.exitStatus).toBe(0);
  const plan = [
    '--budget',
    'parameters=0.9',
    '--random',
    '2',
    '--importance',
    importance,
    '--out',
    at('plan.json'),
    ...common,
  ];
  const result = await runCliJson('plan', at('model.onnx'), ...plan, '--held-out', at('prompts.txt'), '--json');
  const {
    plan: found,
    cost,
    error,
    baselines,
    front,
    heldOut,
  } = result as never as {
    plan: { dropped: string[] };
    cost: { macs: number; parameters: number; ms: number; msInterval: [number, number] };
    error: Record<'content' | 'motion' | 'total', number>;
    baselines: { name: string; plan: object; cost: object; error: { total: number } }[];
    front: object[];
    heldOut: { clips: { prompt: string; seed: number }[]; error: { total: number }; baselines: { error: object }[] };
  };
  expect(found.dropped).toEqual(['blocks.1']);
  expect(JSON.parse(await readFile(at('plan.json'), 'utf8'))).toMatchObject({ dropped: ['blocks.1'] });
  expect(cost.parameters).toBeLessThanOrEqual(0.9);
  expect(cost.msInterval[0]).toBeLessThanOrEqual(cost.ms);
  expect(cost.msInterval[1]).toBeGreaterThanOrEqual(cost.ms);
  const written = JSON.parse(await readFile(importance, 'utf8')) as {
    units: { id: string; output: { total: number } }[];
  };
  expect(error.total).toBe(written.units.find(({ id }) => id === 'blocks.1')!.output.total); // that of `analyze`
  expect(baselines.map(({ name }) => name)).toContain('random, mean of 2');
  expect(front.length).toBeGreaterThan(0);
  expect(heldOut.clips).toEqual([
    { prompt: 'one', seed: 1001 },
    { prompt: 'two', seed: 1001 },
  ]);
  expect(heldOut.baselines).toHaveLength(baselines.length);
  expect(heldOut.error.total).toBeGreaterThan(0);
  expect(heldOut.error.total).not.toBe(error.total);

  const refused = await runCliError('plan', at('finetune.onnx'), ...plan);
  expect(refused).toMatchObject({ code: 'library/integrity' });
});
