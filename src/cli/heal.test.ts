/** `vdmini heal` as a process: the written folder runs, differs from the teacher's weights, and a killed run goes on to the same end. */
import { spawn } from 'node:child_process';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readModel } from '../onnx/readModel';
import { writeModel } from '../onnx/writeModel';
import { linearDenoiser } from '../studio/healing/testing/linearDenoiser';
import { heal } from './commands/heal';
import { temporaryFolder } from './testing/fixtureModel';
import { runCli, runCliError, runCliJson } from './testing/runCli';

interface HealJson {
  readonly before: { readonly total: number };
  readonly best: { readonly total: number; readonly step: number };
  readonly untouched: boolean;
  readonly steps: number;
  readonly written?: { readonly folder: string; readonly verification: { readonly maxDifference: number } };
}

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  model = join(folder, 'model.onnx');
  await writeFile(model, writeModel(linearDenoiser('batch')));
});
afterAll(() => rm(folder, { recursive: true }));

const fast = [
  '--drop',
  'blocks.0',
  '--sampling-steps',
  '3',
  '--guidance',
  '1',
  '--rate',
  '0.02',
  '--clips',
  '4',
  '--stages',
  'end',
];

it('writes a folder whose denoiser does what was learnt, and resumes a killed run to the same weights', async () => {
  const out = join(folder, 'healed');
  const args = ['heal', model, ...fast, '--steps', '150', '--out'];
  const result = await runCliJson<HealJson>(...args, out);
  expect(result.best.total).toBeLessThan(0.05 * result.before.total);
  expect(result.written!.verification.maxDifference).toBeLessThan(1e-5);
  expect((await readdir(out)).sort()).toEqual(['healing.json', 'model.onnx']);
  expect(await readdir(folder)).not.toContain('healed.checkpoint');
  // the student can do exactly what the teacher does
  const clip = Float32Array.from({ length: 4 * 4 * 8 * 8 }, (_, i) => Math.sin(i));
  const [teacher, healed] = [await outputOf(model, clip), await outputOf(join(out, 'model.onnx'), clip)];
  const error = teacher.reduce((sum, value, i) => sum + (value - healed[i]!) ** 2, 0);
  expect(error).toBeLessThan(0.05 * teacher.reduce((sum, value) => sum + value ** 2, 0));

  const again = join(folder, 'again');
  await killedAfterCheckpoint([...args, again], `${again}.checkpoint`);
  expect(await readdir(folder)).not.toContain('again');
  await runCliJson<HealJson>(...args, again, '--resume');
  expect(weightsOf(await readFile(join(again, 'model.onnx')))).toEqual(
    weightsOf(await readFile(join(out, 'model.onnx'))),
  );
}, 240_000);

it('heals a healed folder that is pruned further', async () => {
  const [once, twice] = [join(folder, 'once'), join(folder, 'twice')];
  const settings = [...fast.slice(2), '--steps', '60'];
  await runCliJson<HealJson>('heal', model, '--drop', 'blocks.0', ...settings, '--out', once);
  const pruned = await runCliJson<HealJson>('heal', once, '--drop', 'blocks.1', ...settings, '--out', twice);
  expect(pruned.best.total).toBeLessThan(0.5 * pruned.before.total);
  const graph = readModel(await readFile(join(twice, 'model.onnx'))).graph;
  expect([...graph.initializers.keys()].filter((name) => name.startsWith('blocks.'))).toEqual([]);
}, 120_000);

it('writes nothing where healing only harms, and refuses what it cannot do', async () => {
  const out = join(folder, 'harmed');
  const result = await runCliJson<HealJson>('heal', model, ...fast, '--rate', '1e20', '--out', out);
  expect([result.untouched, result.written]).toEqual([true, undefined]);
  expect(await readdir(folder)).not.toContain('harmed');
  const error = await runCliError('heal', model, ...fast, '--out', folder);
  expect(error.code).toBe('cli/usage');
  const resumed = await runCliError('heal', model, ...fast, '--out', out, '--resume');
  expect(resumed.code).toBe('library/missing-file');
  expect((await runCli('heal', '--help')).stdout).toBe(heal.help);
}, 120_000);

it('says how to go on after an interruption, where there is something to go on from', async () => {
  const out = join(folder, 'interrupted');
  const args = ['heal', model, ...fast, '--steps', '100000', '--out', out];
  expect(await killedAfterCheckpoint(args, `${out}.checkpoint`, 'SIGINT')).toContain(
    `--resume goes on from ${out}.checkpoint`,
  );
}, 120_000);

/** Ends the process once its checkpoint is there, and returns what it says. */
async function killedAfterCheckpoint(
  args: readonly string[],
  checkpoint: string,
  signal: 'SIGKILL' | 'SIGINT' = 'SIGKILL',
): Promise<string> {
  const main = resolve(import.meta.dirname, 'main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += String(chunk);
  });
  const ended = new Promise((done) => child.once('exit', done));
  while (child.exitCode === null && !(await stat(checkpoint).catch(() => undefined)))
    await new Promise((wait) => setTimeout(wait, 5));
  child.kill(signal);
  await ended;
  return said;
}

async function outputOf(path: string, clip: Float32Array): Promise<Float32Array> {
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1 });
  const feeds = {
    sample: new Tensor('float32', clip, [1, 4, 4, 8, 8]),
    timestep: new Tensor('float32', Float32Array.of(500), [1]),
  };
  const { out_sample: output } = await session.run(feeds);
  await session.release();
  return output!.data as Float32Array;
}

const weightsOf = (bytes: Uint8Array) =>
  [...readModel(bytes).graph.initializers.values()].map(({ name, data }) => [
    name,
    data.kind === 'inline' && [...data.bytes],
  ]);
