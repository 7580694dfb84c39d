/** `vdmini differentiate`, as a process: the file it writes runs anywhere and gives PyTorch's gradients. */
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { float32Feeds } from '../../fixtures/exports/float32Feeds';
import { readGradients } from '../../fixtures/exports/readGradients';
import { readModel } from '../onnx/readModel';
import { exportsRoot, temporaryFolder, unpackExport } from './testing/fixtureModel';
import { runCli, runCliError, runCliJson } from './testing/runCli';

interface Result {
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly gradients: readonly {
    readonly weight: string;
    readonly output: string;
    readonly shape: readonly number[];
  }[];
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
}

let folder: string;
let out: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  out = join(folder, 'gradients.onnx');
});
afterAll(() => rm(folder, { recursive: true }));

describe('vdmini differentiate', () => {
  it('writes a graph whose gradients are those of torch.autograd', async () => {
    const path = 'wan/legacy/fixed';
    const model = await unpackExport(path, folder);
    const result = await runCliJson<Result>('differentiate', model, '--out', out, '--json');
    const reference = readGradients(exportsRoot, path)!;
    expect(result.inputs.at(-1)).toMatchObject({ name: 'target', shape: reference.target.shape });
    expect(result.files).toEqual([{ path: out, bytes: (await stat(out)).size }]);
    const { feeds } = float32Feeds(exportsRoot, path, readModel(await readFile(model)));
    const session = await InferenceSession.create(out, { intraOpNumThreads: 1, logSeverityLevel: 4 });
    const outputs = await session.run({
      ...feeds,
      target: new Tensor('float32', reference.target.values, reference.target.shape),
    });
    expect((outputs['loss']!.data as Float32Array)[0]).toBeCloseTo(reference.loss, 4);
    const known = new Set(reference.initializers);
    const compared = result.gradients.filter(({ weight }) => known.has(weight));
    expect(compared.length).toBeGreaterThan(110);
    for (const { weight, output } of compared)
      expect(reference.error(weight, outputs[output]!.data as Float32Array), weight).toBeLessThan(1e-3);
  });

  it('takes only weights that match, and half precision as it is stored', async () => {
    const model = await unpackExport('wan/dynamo/fp16', folder);
    const { exitStatus, stdout } = await runCli(
      'differentiate',
      model,
      '--out',
      out,
      '--with-respect-to',
      'blocks\\.1\\..*bias$',
    );
    expect(exitStatus).toBe(0);
    expect(stdout).toContain('gradients of 11 weights');
    const { initializers, outputs } = readModel(await readFile(out)).graph;
    expect(outputs.map(({ name }) => name)).toContain('gradient:blocks.1.ffn.net.2.bias');
    expect([...initializers.values()].filter(({ dataType }) => dataType === 'float16').length).toBeGreaterThan(100);
  });

  it('fixes sizes that a mask decides', async () => {
    const model = await unpackExport('mochi/dynamo/fixed', folder);
    await rm(out, { force: true });
    const error = await runCliError('differentiate', model, '--out', out);
    expect(error.code).toBe('passes/unbound-size');
    await expect(stat(out)).rejects.toThrow();
    const filled = await runCliJson<Result>(
      'differentiate',
      model,
      '--out',
      out,
      '--fill',
      'encoder_attention_mask=1',
      '--json',
    );
    expect(filled.gradients.length).toBeGreaterThan(90);
  });

  it.each([
    [['--with-respect-to', '('], 'cli/usage'],
    [['--with-respect-to', 'nothing'], 'passes/nothing-to-train'],
    [['--fill', 'nothing=1'], 'cli/usage'],
  ])('%j is %s', async (options, code) => {
    const model = await unpackExport('wan/legacy/fixed', folder);
    expect((await runCliError('differentiate', model, '--out', out, ...options)).code).toBe(code);
  });
});
