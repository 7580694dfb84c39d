/**
 * `npm test`: format and lint, types, unit tests, the built page's browser tests, in that order; ends with one line
 * 'N passed, N failed' over all of them and a non-zero exit when anything failed.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { ensureChromium } from './chromium';

interface Count {
  readonly passed: number;
  /** Of those that passed, on a second try: each is a fault to be found, of the page or of its test. */
  readonly flaky: number;
  readonly failed: number;
  readonly skipped: number;
}

function run(title: string, args: readonly string[]): boolean {
  console.log(`\n== ${title}`);
  return spawnSync('npx', args, { stdio: 'inherit', shell: process.platform === 'win32' }).status === 0;
}

function readReport(path: string): Record<string, any> | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, any>;
  } catch {
    return null; // counted as a failure by the caller
  }
}

/** A step without tests of its own (type check, build) counts as one test. */
const step = (ok: boolean): Count => ({ passed: ok ? 1 : 0, flaky: 0, failed: ok ? 0 : 1, skipped: 0 });

function vitest(): Count {
  const path = 'test-results/vitest.json';
  const ok = run('Unit tests', ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${path}`]);
  const report = readReport(path);
  if (!report) return step(false);
  const failed = report['numFailedTests'] as number;
  // A file that fails to load has no failed test of its own: the runner's status still counts.
  return {
    passed: report['numPassedTests'] as number,
    flaky: 0,
    failed: ok ? failed : Math.max(1, failed),
    skipped: report['numPendingTests'] as number,
  };
}

function playwright(): Count {
  const ok = run('Browser tests on the built page', ['playwright', 'test']);
  const stats = readReport('test-results/playwright.json')?.['stats'];
  if (!stats) return step(false);
  return {
    passed: stats.expected + stats.flaky,
    flaky: stats.flaky,
    failed: ok ? stats.unexpected : Math.max(1, stats.unexpected),
    skipped: stats.skipped,
  };
}

try {
  ensureChromium();
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
rmSync('test-results', { recursive: true, force: true });
mkdirSync('test-results', { recursive: true });
const counts = [
  step(run('Format and lint', ['biome', 'check', '--diagnostic-level=error'])),
  step(run('Types', ['tsc', '-b', ...['page', 'worker', 'node', 'e2e'].map((name) => `tsconfig/${name}.json`)])),
  vitest(),
];
const built = run('Build', ['vite', 'build', '--logLevel', 'warn']);
counts.push(step(built));
if (built) counts.push(playwright());
const total = counts.reduce((a, b) => ({
  passed: a.passed + b.passed,
  flaky: a.flaky + b.flaky,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
}));
const also = [
  total.skipped > 0 ? `, ${total.skipped} skipped` : '',
  total.flaky > 0 ? `, ${total.flaky} of the passed on a second try` : '',
];
console.log(`\n${total.passed} passed, ${total.failed} failed${also.join('')}`);
process.exit(total.failed === 0 ? 0 : 1);
