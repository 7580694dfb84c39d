/** `vdmini prune` as a process: the written file against PyTorch's results, external data, nothing left after failures. */
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExportFacts, readReference } from '../../fixtures/exports/readExport';
import { externalLocations } from '../onnx/externalLocations';
import { readModel } from '../onnx/readModel';
import { prune } from './commands/prune';
import { exportsRoot, temporaryFolder, unpackExport } from './testing/fixtureModel';
import { runCli, runCliError, runCliJson } from './testing/runCli';

interface Totals {
  readonly nodes: number;
  readonly parameters: number;
  readonly bytes: number;
  readonly macs: number;
}

interface PruneJson {
  readonly dropped: readonly string[];
  readonly gone: readonly string[];
  readonly before: Totals;
  readonly after: Totals;
  readonly saved: Totals;
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
}

const path = 'modelscope/legacy/fixed';
const { reference, array } = readReference(exportsRoot, 'modelscope');
let folder: string;
let model: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  model = await unpackExport(path, folder);
});
afterAll(() => rm(folder, { recursive: true }));

/** Largest difference of a file's output from PyTorch's for the same modules replaced by the identity. */
async function differenceFromPyTorch(file: string, dropped: readonly string[]): Promise<number> {
  const expected = reference.cases.find((candidate) => String(candidate.dropped) === String(dropped))!;
  const facts = readExportFacts(exportsRoot, path);
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const feeds = facts.inputs.map(({ name, case: source, dtype }) => {
    const place = reference.inputs.find((input) => input.name === source)!;
    return [name, new Tensor(dtype as 'float32', array(place) as Float32Array, place.shape)] as const;
  });
  const output = (await session.run(Object.fromEntries(feeds)))[facts.output]!.data as Float32Array;
  await session.release();
  const wanted = array(expected.output) as Float32Array;
  expect(output.length).toBe(wanted.length);
  return output.reduce((largest, value, i) => Math.max(largest, Math.abs(value - wanted[i]!)), 0);
}

const randomDrop = () => reference.cases.find(({ kind }) => kind === 'random')!.dropped;

describe('vdmini prune', () => {
  it('writes one file that computes what PyTorch does without those modules', async () => {
    const dropped = randomDrop();
    const out = join(folder, 'single.onnx');
    const result = await runCliJson<PruneJson>('prune', model, '--drop', dropped.join(','), '--out', out);
    expect(result.dropped).toEqual(dropped);
    expect(result.gone).toEqual(expect.arrayContaining([...dropped]));
    expect(result.saved.parameters).toBe(result.before.parameters - result.after.parameters);
    expect(result.saved.parameters).toBeGreaterThan(0);
    expect(result.saved.macs).toBeGreaterThan(0);
    expect(result.files).toEqual([{ path: out, bytes: (await stat(out)).size }]);
    const shrunk = (await stat(model)).size - (await stat(out)).size;
    expect(shrunk).toBeGreaterThanOrEqual(result.saved.bytes);
    expect(await differenceFromPyTorch(out, dropped)).toBeLessThan(3e-5);
  });

  it("writes the paper's preset with external weights, which another run can prune again", async () => {
    const preset = join(folder, 'preset.onnx');
    const { gone, files } = await runCliJson<PruneJson>(
      'prune',
      model,
      '--preset',
      'vdmini',
      '--external',
      '--out',
      preset,
    );
    expect(files.map((file) => file.path)).toEqual([preset, `${preset}.data`]);
    expect(externalLocations(readModel(await readFile(preset)))).toEqual(['preset.onnx.data']);
    const session = await InferenceSession.create(preset, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    await session.release();
    expect(gone).toContain('mid_block');
    const again = join(folder, 'again.onnx');
    const second = await runCliJson<PruneJson>('prune', preset, '--drop', '', '--out', again);
    expect(second.saved.parameters).toBe(0);
    expect(second.files).toHaveLength(1);
    await rm(`${preset}.data`);
    const error = await runCliError('prune', preset, '--drop', '', '--out', again);
    expect(error.code).toBe('onnx/missing-external-data');
    expect(error.message).toContain('preset.onnx.data');
  });

  it('takes the plan file of the studio, and prints a table without --json', async () => {
    const plan = join(folder, 'plan.json');
    await writeFile(plan, JSON.stringify({ dropped: [randomDrop()[0]], model: 'x' }));
    const out = join(folder, 'planned.onnx');
    const { stdout, stderr, exitStatus } = await runCli('prune', model, '--plan', plan, '--out', out);
    expect([exitStatus, stderr]).toEqual([0, '']);
    expect(stdout).toContain(randomDrop()[0]);
    expect(stdout).toMatch(/\nparameters .* %\n/);
    expect(stdout).toContain(`Wrote ${out}`);
  });

  it('refuses to replace the files that it reads', async () => {
    const own = join(folder, 'own.onnx');
    await runCliJson('prune', model, '--drop', '', '--external', '--out', own);
    const before = await Promise.all([own, `${own}.data`].map((path) => readFile(path)));
    for (const out of [own, `${own}.data`]) {
      const run = prune.run(
        [own, '--drop', randomDrop()[0]!, '--external', '--out', out],
        new AbortController().signal,
      );
      await expect(run, out).rejects.toMatchObject({ code: 'cli/usage' });
    }
    const after = await Promise.all([own, `${own}.data`].map((path) => readFile(path)));
    expect(after.map((bytes, i) => bytes.equals(before[i]!))).toEqual([true, true]);
  });

  it('says what is wrong, and leaves neither a file nor a part of one', async () => {
    const before = await readdir(folder);
    const out = join(folder, 'never.onnx');
    const notJson = model;
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['blocks/unknown-id', ['--drop', 'down_blocks.9', '--out', out]],
      ['blocks/not-droppable', ['--drop', 'conv_in', '--out', out]],
      ['blocks/unknown-preset', ['--preset', 'nonsense', '--out', out]],
      ['library/invalid-config', ['--plan', notJson, '--out', out]],
      ['library/missing-file', ['--plan', join(folder, 'absent.json'), '--out', out]],
      ['cli/usage', ['--drop', 'mid_block']],
      ['cli/usage', ['--out', out]],
      ['cli/usage', ['--drop', 'mid_block', '--preset', 'vdmini', '--out', out]],
      ['cli/usage', ['--drop', 'mid_block', '--out', join(folder, 'absent', 'x.onnx')]],
      ['cli/usage', ['--drop', 'mid_block', '--out', folder]],
    ];
    // in this process, which is the same but for the report; one goes the whole way
    for (const [code, args] of cases) {
      await expect(prune.run([model, ...args], new AbortController().signal), args.join(' ')).rejects.toMatchObject({
        code,
      });
    }
    const error = await runCliError('prune', model, ...cases[0]![1]);
    expect([error.code, error.exitStatus, error.stdout]).toEqual(['blocks/unknown-id', 1, '']);
    expect(await readdir(folder)).toEqual(before);
  });
});
