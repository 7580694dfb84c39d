/** `vdmini compare` with the bundled model: the measurements, the same for the same seed; CSV; errors. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Totals } from '../blocks/block';
import type { ClipComparison } from '../metrics/Clip';
import { compare } from './commands/compare';
import { bundledPipeline, temporaryFolder } from './testing/fixtureModel';
import { runCli, runCliError, runCliJson } from './testing/runCli';

/** As JSON has it: PSNR of equal frames is a word. */
interface CompareJson {
  readonly settings: { readonly seed: number; readonly steps: number };
  readonly dropped: readonly string[];
  readonly gone: readonly string[];
  readonly comparison: ClipComparison;
  readonly medianStepMs: { readonly teacher: number; readonly student: number };
  readonly totals: { readonly teacher: Totals; readonly student: Totals };
}

interface PairJson {
  readonly reference: string;
  readonly candidate: string;
  readonly figures: Readonly<Record<string, { readonly mean: number } | null>>;
  readonly worstFirst: readonly { readonly meanSquaredError: number }[];
}

interface BatchJson {
  readonly cases: readonly {
    readonly prompt: string;
    readonly seed: number;
    readonly comparisons: readonly ClipComparison[];
  }[];
  readonly pairs: readonly PairJson[];
  readonly colorVideoVdpDisplay: string;
  readonly teacherClips: number;
  readonly denoiserRuns: number;
}

const minutes = 60_000;
const cheap = ['--steps', '2', '--guidance', '1'];
let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true }));

describe('vdmini compare', () => {
  it(
    'measures content and motion, the same for the same seed',
    async () => {
      const csv = join(folder, 'metrics.csv');
      const result = await runCliJson<CompareJson>(
        'compare',
        bundledPipeline,
        '--preset',
        'vdmini',
        '--seed',
        '5',
        '--csv',
        csv,
        ...cheap,
      );
      const { settings, dropped, gone, comparison, medianStepMs, totals } = result;
      const { content, motion } = comparison;
      expect(settings).toMatchObject({ seed: 5, steps: 2, guidance: 1 });
      expect(gone).toEqual(expect.arrayContaining([...dropped, 'mid_block']));
      expect(totals.student.macs).toBeLessThan(totals.teacher.macs);
      expect(totals.student.parameters).toBeLessThan(totals.teacher.parameters);
      expect(medianStepMs.teacher).toBeGreaterThan(0);
      expect(medianStepMs.student).toBeGreaterThan(0);
      for (const perFrame of [content.psnrPerFrame, content.ssimPerFrame, motion.errorMotionPerFrame])
        expect(perFrame).toHaveLength(16);
      const { flickerPerTransition, motionMagnitudePerTransition } = motion;
      for (const perTransition of [
        motion.flowEpePerTransition,
        ...Object.values(flickerPerTransition),
        ...Object.values(motionMagnitudePerTransition),
      ]) {
        expect(perTransition).toHaveLength(15);
      }
      expect(comparison.meanSquaredError).toBeGreaterThan(1);
      expect(content.errorContent + motion.errorMotion).toBeCloseTo(comparison.meanSquaredError, 6);
      expect(motion.motionDelta).toBeGreaterThan(0);
      for (const value of [motion.flowMagnitudeRatio, motion.flowDirectionCosine])
        expect(value).toEqual(expect.any(Number));
      for (const { reference, candidate } of [motion.flicker, motion.motionMagnitude])
        expect(reference).not.toBe(candidate);

      const lines = (await readFile(csv, 'utf8')).trimEnd().split('\n');
      expect(lines).toContain(`# error_motion,${motion.errorMotion}`);
      expect(lines.filter((line) => /^\d/.test(line))).toHaveLength(16);

      const again = await runCliJson<CompareJson>(
        'compare',
        bundledPipeline,
        '--preset',
        'vdmini',
        '--seed',
        '5',
        ...cheap,
      );
      expect(again.comparison).toEqual(comparison);
    },
    10 * minutes,
  );

  it(
    'finds no difference where nothing is dropped, and takes a plan file',
    async () => {
      const plan = join(folder, 'plan.json');
      await writeFile(plan, JSON.stringify({ dropped: [] }));
      const { exitStatus, stdout, stderr } = await runCli(
        'compare',
        bundledPipeline,
        '--plan',
        plan,
        '--steps',
        '1',
        '--guidance',
        '1',
      );
      expect([exitStatus, stderr]).toEqual([0, '']);
      expect(stdout).toContain('Nothing dropped.');
      expect(stdout).toMatch(/PSNR +identical\n/);
      expect(stdout).toMatch(/flow EPE +0\.000 px\n/);
    },
    5 * minutes,
  );

  it(
    'compares two students over prompts and seeds, with the teacher sampled once for each',
    async () => {
      const [a, b, prompts, csv] = ['a.json', 'b.json', 'prompts.txt', 'cases.csv'].map((name) =>
        join(folder, name),
      ) as [string, string, string, string];
      await writeFile(a, JSON.stringify({ dropped: ['mid_block'] }));
      await writeFile(b, JSON.stringify({ dropped: [] }));
      await writeFile(prompts, 'a red heart spins\n\na blue cat moves left\n');
      const cases = ['--prompts', prompts, '--seeds', '2', '--seed', '7', '--steps', '1', '--guidance', '1'];
      const result = await runCliJson<BatchJson>(
        ...['compare', bundledPipeline, '--plan', a, '--plan', b, '--csv', csv, ...cases],
      );
      expect(result.cases.map(({ prompt, seed }) => `${prompt} ${seed}`)).toEqual([
        'a red heart spins 7',
        'a red heart spins 8',
        'a blue cat moves left 7',
        'a blue cat moves left 8',
      ]);
      // one call a step: the teacher's, A's, and B's, which is the teacher and is not run again
      expect([result.teacherClips, result.denoiserRuns]).toEqual([4, 8]);
      expect(result.pairs.map(({ reference, candidate }) => [reference, candidate])).toEqual([
        ['teacher', 'a'],
        ['teacher', 'b'],
        ['a', 'b'],
      ]);
      expect(result.colorVideoVdpDisplay).toBe('standard_4k');
      const [ofA, ofB, between] = result.pairs as [PairJson, PairJson, PairJson];
      expect(ofB.figures['meanSquaredError']).toMatchObject({ mean: 0, standardDeviation: 0 });
      expect(ofB.figures['psnr']).toBeNull();
      expect(ofB.figures['jod']).toMatchObject({ mean: 10, worst: { value: 10 } });
      expect(ofA.figures['jod']!.mean).toBeLessThan(10);
      const errors = result.cases.map(({ comparisons }) => comparisons[0]!.meanSquaredError);
      const mean = errors.reduce((sum, error) => sum + error, 0) / 4;
      expect(ofA.figures['meanSquaredError']!.mean).toBeCloseTo(mean, 9);
      expect(ofA.worstFirst[0]).toMatchObject({ meanSquaredError: Math.max(...errors) });
      expect(ofA.worstFirst.map((one) => one.meanSquaredError)).toEqual([...errors].sort((x, y) => y - x));
      // B is the teacher: A against B is the teacher against A, the other way round
      expect(between.figures['meanSquaredError']!.mean).toBeCloseTo(mean, 9);
      const all = (await readFile(csv, 'utf8')).trimEnd().split('\n');
      const [head, lines] = [all.filter((line) => line.startsWith('# ')), all.filter((line) => !line.startsWith('# '))];
      expect(head.map((line) => line.replace(/,.*/, ''))).toEqual(
        ['version', 'model', 'model_sha256', 'dropped_a', 'dropped_b', 'prompt', 'seed', 'steps', 'guidance'].map(
          (name) => `# ${name}`,
        ),
      );
      expect(head[1]).toBe('# model,"emoji-t2v"');
      expect(lines).toHaveLength(1 + 4 * 3);
      expect(lines[0]).toMatch(/^prompt,seed,reference,candidate,meanSquaredError,psnr,.*,jod$/);
    },
    5 * minutes,
  );

  it(
    'says what is wrong',
    async () => {
      const before = await readdir(folder);
      const cases: readonly (readonly [string, readonly string[]])[] = [
        ['cli/usage', []],
        ['cli/usage', [bundledPipeline, '--drop', 'mid_block', '--out', 'x.gif']],
        ['cli/usage', [bundledPipeline, '--drop', 'mid_block', '--csv', join(folder, 'absent', 'x.csv')]],
        ['library/missing-file', [join(folder, 'absent'), '--drop', 'mid_block']],
        ['cli/usage', [bundledPipeline]],
        ['blocks/not-droppable', [bundledPipeline, '--drop', 'conv_in', '--csv', join(folder, 'never.csv')]],
        ['library/missing-file', [bundledPipeline, '--plan', join(folder, 'absent.json')]],
      ];
      for (const [code, args] of cases) {
        await expect(compare.run(args, new AbortController().signal), args.join(' ')).rejects.toMatchObject({ code });
      }
      const error = await runCliError('compare', bundledPipeline, '--drop', 'mid_block', '--seed', '4294967296');
      expect([error.code, error.exitStatus, error.stdout]).toEqual(['cli/usage', 2, '']);
      expect(await readdir(folder)).toEqual(before);
    },
    5 * minutes,
  );
});
