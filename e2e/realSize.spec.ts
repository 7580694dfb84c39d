/** A full-size SVD denoiser in the tab: its real graph, and a weights file of 3 GB that holds nothing but a length. */
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { chromium, expect, test } from '@playwright/test';
import { cell, watchErrors } from './studioPage';

const fixture = 'fixtures/full-size/svd';

test('3 GB of SVD are mapped, planned and exported without being read into memory', async ({ launchOptions }) => {
  const facts = JSON.parse(await readFile(join(fixture, 'full-size.json'), 'utf8')) as { dataFile: string; dataBytes: number };
  const folder = await mkdtemp(join(tmpdir(), 'vdmini-'));
  // A profile on disk: a private window keeps its files in memory.
  const browser = await chromium.launchPersistentContext(join(folder, 'profile'), { ...launchOptions, viewport: { width: 1440, height: 900 }, baseURL: test.info().project.use.baseURL });
  try {
    const page = await browser.newPage();
    const errors = watchErrors(page);
    const [graph, weights] = [join(folder, 'model.onnx'), join(folder, facts.dataFile)];
    await writeFile(graph, gunzipSync(await readFile(join(fixture, 'model.onnx.gz'))));
    const file = await open(weights, 'w');
    await file.truncate(facts.dataBytes);
    await file.close();

    const millions = async (id: string) => (Number(await page.getByTestId(id).getAttribute('data-value')) / 1e6).toFixed(1);
    await page.route('**/models/emoji-t2v/**', (route) => route.abort()); // this test is not about the bundled model
    await page.goto('./');
    await page.getByTestId('open-model').click();
    await page.getByTestId('files-input').setInputFiles([graph, weights]);
    await expect(cell(page, 'down_blocks.0.pairs.1')).toBeVisible({ timeout: 60_000 });
    await expect(page.getByTestId('cannot-run').first()).toContainText(/3\.07 GB of weights/);
    expect(await millions('total-parameters-teacher')).toBe('1524.6'); // the paper's numbers for SVD

    await page.getByTestId('preset-vdmini').click();
    await expect.poll(() => millions('total-parameters-student')).toBe('939.9');
    await page.getByTestId('export-open').click();
    await page.getByTestId('format-onnx-external').check();

    await page.getByTestId('export-run').click();
    await expect(page.getByTestId('export-progress')).toHaveAttribute('data-phase', 'write');
    await page.getByTestId('cancel-export').click();
    await expect(page.getByTestId('export-run')).toBeVisible();
    await expect(page.getByTestId('export-result')).toHaveCount(0);
    expect(await storedFiles(page)).toEqual([]); // a cancelled export leaves nothing behind

    await page.getByTestId('export-run').click();
    await expect(page.getByTestId('export-result')).toHaveAttribute('data-current', 'true', { timeout: 180_000 });
    const bytes = Number(await page.getByTestId('export-file-bytes').getAttribute('data-value'));
    expect(bytes).toBeGreaterThan(2 * 939e6); // half precision
    expect(bytes).toBeLessThan(2 * 939e6 + 20e6);
    expect(errors).toEqual([]);
  } finally {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  }
});

/** Names in the page's own storage below `exports`. */
function storedFiles(page: import('@playwright/test').Page): Promise<string[]> {
  return page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const folder = (await root.getDirectoryHandle('exports', { create: true })) as unknown as { keys(): AsyncIterable<string> };
    const names: string[] = [];
    for await (const name of folder.keys()) names.push(name);
    return names;
  });
}
