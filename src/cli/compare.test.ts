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
