/**
 * `training/heal` against the studio: a pruned diffusers folder equals the ONNX graph that `vdmini prune` writes for the same
 * model and plan, its own export opens again, and healing works. Needs Python with PyTorch and diffusers; skipped without.
 */
import { execFile, spawnSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportsRoot, temporaryFolder, unpackExport } from './testing/fixtureModel';
import { runCliJson } from './testing/runCli';

const heal = resolve(import.meta.dirname, '../../training/heal');
const needed = ['torch', 'diffusers', 'accelerate', 'safetensors', 'onnxruntime', 'onnxscript'];
const probe = `import importlib.util as u; print(all(u.find_spec(n) for n in ${JSON.stringify(needed)}))`;
const hasPython = spawnSync('python3', ['-c', probe], { encoding: 'utf8' }).stdout?.trim() === 'True';
const full = process.env['VDMINI_FULL'] !== undefined;
if (!hasPython) console.log(`Skipped: the checks of training/heal need python3 with ${needed.join(', ')}.`);

const environment = { ...process.env, OMP_NUM_THREADS: '1', HF_HUB_OFFLINE: '1' };
const minutes = 60_000;

async function python(script: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('python3', [join(heal, script), ...args], { env: environment });
  return stdout;
}

const preset = ['0', '1']
  .map((stage) => `down_blocks.${stage}.pairs.1`)
  .concat(['up_blocks.2.pairs.1', 'up_blocks.3.pairs.1', 'inner_stages.3']);

interface Case {
  readonly family: string;
  readonly dropped: readonly string[];
  /** Modules that no config can leave out. */
  readonly identity: readonly string[];
}

const outsideFull: Case = {
  family: 'hunyuan',
  dropped: ['transformer_blocks.1', 'single_transformer_blocks.0', 'single_transformer_blocks.2'],
  identity: [],
};
const cases: readonly Case[] = full
  ? [
      outsideFull,
      {
        family: 'hunyuan',
        dropped: ['transformer_blocks.0', 'transformer_blocks.2.attn'],
        identity: ['transformer_blocks.1.attn'],
      },
      { family: 'svd', dropped: preset, identity: ['mid_block'] },
      {
        family: 'svd',
        dropped: ['up_blocks.3.attentions.1.time_mixer', 'down_blocks.1.resnets.1.temporal_res_block'],
        identity: ['up_blocks.3.attentions.1.time_mixer', 'down_blocks.1.resnets.1.temporal_res_block'],
      },
      {
        family: 'modelscope',
        dropped: preset,
        identity: [0, 1]
          .flatMap((stage) => layers(`down_blocks.${stage}`))
          .concat(layers('up_blocks.1'), layers('up_blocks.2'), 'mid_block'),
      },
    ]
  : [outsideFull];

/** All parts of layer 1 of a stage of ModelScope. */
function layers(stage: string): string[] {
  return ['resnets', 'temp_convs', 'attentions', 'temp_attentions'].map((name) => `${stage}.${name}.1`);
}

describe.skipIf(!hasPython)('a pruned diffusers folder', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each(cases)(
    'equals the pruned ONNX: $family without $dropped',
    async ({ family, dropped, identity }) => {
      const model = await unpackExport(`${family}/dynamo/fixed`, folder);
      const [plan, pruned, exported] = ['plan.json', 'pruned.onnx', 'again.onnx'].map((name) => join(folder, name));
      await writeFile(plan!, JSON.stringify({ dropped }));
      await runCliJson('prune', model, '--plan', plan!, '--out', pruned!);
      const facts = join(exportsRoot, family, 'dynamo/fixed/export.json');
      const again = full && family === 'hunyuan';
      const report = await python(
        'check_onnx.py',
        '--family',
        family,
        '--plan',
        plan!,
        '--onnx',
        pruned!,
        '--export',
        facts,
        ...(again ? ['--exported', exported!] : []),
      );
      const result = JSON.parse(report.trim().split('\n').at(-1)!) as Record<string, number> & { identity: string[] };
      expect(result['from_pretrained']).toBeLessThan(2e-5);
      expect(result['load_pruned']).toBeLessThan(2e-5);
      expect(result['teacher']).toBeGreaterThan(1e-3); // the plan changes something: equality is no accident
      expect([...result.identity].sort()).toEqual([...identity].sort());
      if (again) {
        expect(result['exported']).toBeLessThan(2e-5);
        const { blocks } = await runCliJson<{ blocks: readonly { id: string }[] }>('blocks', exported!);
        const kept = blocks.map(({ id }) => id).filter((id) => /^(single_)?transformer_blocks\.\d+$/.test(id));
        const two = 3 - dropped.filter((id) => /^transformer_blocks\.\d$/.test(id)).length;
        const one = 3 - dropped.filter((id) => /^single_transformer_blocks\.\d$/.test(id)).length;
        expect(kept.filter((id) => id.startsWith('transformer_blocks.'))).toHaveLength(two);
        expect(kept.filter((id) => id.startsWith('single_'))).toHaveLength(one);
      }
    },
    15 * minutes,
  );

  it(
    'refuses what does not fit, in one sentence that says what to do',
    async () => {
      expect(await python('check_errors.py')).toContain('all refused');
    },
    5 * minutes,
  );
});

describe.skipIf(!hasPython)('what healing is made of', () => {
  it(
    'noises as the schedulers of diffusers do, and exports the judge',
    async () => {
      expect(await python('check_noise.py')).toContain('as diffusers has it');
      expect(await python('../check_judge_onnx.py')).toContain('ONNX equals PyTorch');
      console.log((await python('fastvideo/check_config.py')).trim());
    },
    10 * minutes,
  );
});

describe.skipIf(!hasPython || !full)('healing by training/heal', () => {
  it.each(['unet', 'resume', 'processes', 'sharded'])(
    '%s',
    async (what) => {
      expect(await python('check_healing.py', what)).toContain(`${what}: `);
    },
    60 * minutes,
  );

  it(
    'heals a transformer, whose export opens in the studio without the blocks that went',
    async () => {
      const folder = await temporaryFolder();
      try {
        const healed = join(folder, 'healed.onnx');
        expect(await python('check_healing.py', 'transformer', '--export', healed)).toContain('held-out error');
        const { blocks } = await runCliJson<{ blocks: readonly { id: string; droppable: boolean }[] }>(
          'blocks',
          healed,
        );
        const transformers = blocks.filter(({ id }) => /^(single_)?transformer_blocks\.\d+$/.test(id));
        expect(transformers.map(({ id }) => id)).toEqual([
          'transformer_blocks.0',
          'transformer_blocks.1',
          'single_transformer_blocks.0',
        ]);
        expect(transformers.every(({ droppable }) => droppable)).toBe(true);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    60 * minutes,
  );

  it(
    'tells clips that differ in time alone, and none that are alike',
    async () => {
      expect(await python('check_critic.py')).toContain('clips that are alike');
    },
    30 * minutes,
  );

  it(
    'marks many clips as each alone, and heals planted students',
    async () => {
      expect(await python('check_ways.py')).toContain('planted students learn');
    },
    30 * minutes,
  );

  it(
    'prunes all ten families as hooks on the whole model do',
    async () => {
      const report = await python('check_pruning.py', '--most', '8');
      expect(report.match(/plans equal/g)).toHaveLength(10);
    },
    60 * minutes,
  );
});
