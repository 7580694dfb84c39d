/** `vdmini` and `vdmini blocks`, as processes: output, exit status, errors. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocks } from './commands/blocks';
import { temporaryFolder, unpackExport } from './testing/fixtureModel';
import { runCli, runCliError, runCliJson } from './testing/runCli';

interface BlockJson {
  readonly id: string;
  readonly kind: string;
  readonly depth: number;
  readonly parameters: number;
  readonly macs: number;
  readonly droppable: boolean;
  readonly reason?: string;
  readonly children?: readonly BlockJson[];
}

let folder: string;
let model: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  model = await unpackExport('modelscope/legacy/fixed', folder);
});
afterAll(() => rm(folder, { recursive: true }));

const flatten = (blocks: readonly BlockJson[]): BlockJson[] =>
  blocks.flatMap((block) => [block, ...flatten(block.children ?? [])]);

describe('vdmini', () => {
  it('lists its commands, and each tells how it is used', async () => {
    const { stdout, exitStatus } = await runCli('--help');
    expect(exitStatus).toBe(0);
    for (const name of ['blocks', 'prune', 'generate', 'compare']) {
      expect(stdout).toContain(`\n  ${name} `);
      const help = await runCli(name, '--help');
      expect([help.exitStatus, help.stderr]).toEqual([0, '']);
      expect(help.stdout).toMatch(new RegExp(`^Usage: vdmini ${name} `));
    }
  });

  it('answers wrong usage with cli/usage and status 2, on stderr only', async () => {
    for (const args of [['toString'], ['blocks', '--bogus', 'a.onnx']]) {
      const error = await runCliError(...args);
      expect([error.code, error.exitStatus, error.stdout], args.join(' ')).toEqual(['cli/usage', 2, '']);
    }
    for (const args of [[], ['a.onnx', 'b.onnx'], [model, '--bind', 'frames'], [model, '--bind', 'frames=0.5']]) {
      await expect(blocks.run(args, new AbortController().signal), args.join(' ')).rejects.toMatchObject({
        code: 'cli/usage',
      });
    }
  });
});

describe('vdmini blocks', () => {
  it('prints the model and its block tree as JSON', async () => {
    const {
      model: totals,
      blocks: tree,
      ...rest
    } = await runCliJson<{ model: Record<string, number>; blocks: BlockJson[] }>('blocks', model);
    expect(rest).toEqual({});
    expect(Object.keys(totals)).toEqual(['nodes', 'parameters', 'bytes']);
    const all = flatten(tree);
    const ids = all.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['down_blocks.0', 'down_blocks.0.resnets.1', 'mid_block']));
    expect(new Set(ids).size).toBe(ids.length);
    for (const block of all) {
      expect(block).toMatchObject({
        kind: expect.any(String),
        depth: expect.any(Number),
        parameters: expect.any(Number),
        macs: expect.any(Number),
      });
      expect(block.reason === undefined, block.id).toBe(block.droppable);
    }
    const own = all.filter(({ children, kind }) => children === undefined && kind !== 'inner-stages');
    expect(own.reduce((sum, { parameters }) => sum + parameters, 0)).toBeLessThanOrEqual(totals['parameters']!);
  });

  it('prints a table without --json', async () => {
    const { stdout, stderr, exitStatus } = await runCli('blocks', model);
    expect([exitStatus, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^\d+ nodes, .* parameters, .*B, .* MACs per call\n/);
    expect(stdout).toMatch(/\n {4}down_blocks\.0\.resnets\.1 +resnet .* yes\n/);
  });

  it('names what is wrong with a file', async () => {
    const text = join(folder, 'text.onnx');
    await writeFile(text, 'This is not a model.');
    expect((await runCliError('blocks', text)).code).toMatch(/^onnx\/(not-onnx|truncated)$/);
    for (const [path, code] of [
      [join(folder, 'absent.onnx'), 'library/missing-file'],
      [folder, 'cli/usage'],
    ] as const) {
      await expect(blocks.run([path], new AbortController().signal)).rejects.toMatchObject({ code });
    }
  });

  it('--check says of each id whether it names what its cut removes', async () => {
    const latte = await unpackExport('latte/legacy/fixed', await temporaryFolder());
    const { stdout, exitStatus } = await runCli('blocks', latte, '--check');
    expect(exitStatus).toBe(0);
    expect(stdout).toMatch(/\n\d+ ids name what their cut removes\n/);
    const { checked } = await runCliJson<{ checked: readonly { id: string; verdict: string }[] }>(
      'blocks',
      latte,
      '--check',
    );
    expect(checked.map(({ id }) => id)).toContain('transformer_blocks.0.attn1');
    await rm(join(latte, '..'), { recursive: true });
  });
});
