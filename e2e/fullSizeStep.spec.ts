/**
 * A denoiser of full size stepped in the tab: the graph of SVD with all its 1.5 billion parameters in float32, 6.1 GB in a file
 * that holds nothing but a length, on the software adapter at a latent of two frames of 8x8. Many minutes, and more memory than
 * the weights have: `npm run test:full`. Prints the time, the processor's too, and the memory that opening and the step took.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from '@playwright/test';
import { cell, counters, watchErrors } from './studioPage';

const MINUTES = 60_000;
const FIXTURE = 'fixtures/full-size/svd-tiny-latent';

test.skip(!process.env['VDMINI_FULL'], 'many minutes, and 12 GB of memory');

test('a step of full-size SVD runs on WebGPU, its weights streamed', async ({ page }) => {
  test.setTimeout(70 * MINUTES);
  const folder = await mkdtemp(join(tmpdir(), 'vdmini-'));
  const browser = watchBrowser();
  try {
    const { dataFile, dataBytes, parameters } = JSON.parse(await readFile(join(FIXTURE, 'full-size.json'), 'utf8'));
    const [graph, weights] = [join(folder, 'model.onnx'), join(folder, dataFile)];
    await writeFile(graph, gunzipSync(await readFile(join(FIXTURE, 'model.onnx.gz'))));
    const file = await open(weights, 'w');
    await file.truncate(dataBytes);
    await file.close();

    const errors = watchErrors(page);
    await page.addInitScript((value) => localStorage.setItem('vdmini-studio/1', value), '{"backend":"webgpu"}');
    await page.route('**/models/emoji-t2v/**', (route) => route.abort());
    await page.goto('./#steps=1&guidance=1'); // of the first model that opens; a graph alone would take twenty steps
    await page.getByTestId('open-model').click();
    const began = Date.now();
    await page.getByTestId('files-input').setInputFiles([graph, weights]);
    await expect(cell(page, 'down_blocks.0.pairs.1')).toBeVisible({ timeout: 10 * MINUTES });
    const mapped = Date.now();
    await expect(page.getByTestId('backend-badge')).toHaveAttribute('data-backend', 'webgpu', {
      timeout: 20 * MINUTES,
    });
    await expect(page.getByTestId('cannot-run')).toHaveCount(0);
    await expect.poll(async () => (await counters(page)).sessionsCreated, { timeout: 20 * MINUTES }).toBe(1);
    const opened = Date.now();
    const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(0);
    console.log(
      `map after ${seconds(began, mapped)} s, its session after ${seconds(mapped, opened)} s more; ${browser.used()}`,
    );
    await expect(page.getByTestId('teacher-standing')).toHaveAttribute('data-standing', 'running');
    await expect(page.getByTestId('steps')).toHaveValue('1');
    await expect(page.getByTestId('teacher-standing')).toHaveAttribute('data-standing', 'done', {
      timeout: 60 * MINUTES,
    });
    console.log(
      `${parameters} parameters, ${(dataBytes / 1e9).toFixed(2)} GB: its step after ${seconds(opened, Date.now())} s behind ` +
        `the session; ${browser.used()}`,
    );
    expect((await counters(page)).denoiserRuns).toBe(1);
    expect((await counters(page)).deviceLosses).toBe(0);
    expect(errors).toEqual([]);
  } finally {
    browser.end();
    await rm(folder, { recursive: true, force: true });
  }
});

/** The most memory that the browser's processes held, by kind, and their processor time, while it is watched. For Linux and macOS. */
function watchBrowser(): { readonly used: () => string; readonly end: () => void } {
  const most = new Map<string, number>();
  const processor = new Map<string, number>();
  const look = (): void => {
    const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,rss=,time=,args='], { encoding: 'utf8', maxBuffer: 2 ** 24 });
    const own = new Set([process.pid]);
    for (const line of lines.split('\n')) {
      const [, pid, parent, kilobytes, time, args] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      if (!own.has(Number(parent))) continue;
      own.add(Number(pid));
      const kind = /--type=(renderer|gpu-process)/.exec(args ?? '')?.[1];
      if (!kind) continue;
      most.set(kind, Math.max(most.get(kind) ?? 0, Number(kilobytes) * 1024));
      processor.set(kind, Math.max(processor.get(kind) ?? 0, secondsOf(time ?? '')));
    }
  };
  const timer = setInterval(look, 500);
  return {
    used: () =>
      [...most]
        .map(
          ([kind, bytes]) =>
            `${kind} at most ${(bytes / 1e9).toFixed(2)} GB and ${processor.get(kind)?.toFixed(0)} s of processor`,
        )
        .join(', '),
    end: () => clearInterval(timer),
  };
}

/** Of `[[days-]hours:]minutes:seconds`. */
function secondsOf(time: string): number {
  const [clock = '', days = '0'] = time.split('-').reverse();
  return clock.split(':').reduce((sum, part) => 60 * sum + Number(part), 0) + 86_400 * Number(days);
}
