/** Full-size denoisers in the tab: their real graphs, and weights files of 3 and 25 GB that hold nothing but a length. */
import { mkdtemp, open, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, type Page, test } from '@playwright/test';
import { cell, watchErrors } from './studioPage';

// V8 ends a page or worker whose heap needs more.
test.use({
  launchOptions: [
    async ({ launchOptions }, use) =>
      use({ ...launchOptions, args: [...(launchOptions.args ?? []), '--js-flags=--max-old-space-size=150'] }),
    { scope: 'worker' },
  ],
});

/** Writes the graph and its weights file, sparse, and returns their paths. */
async function writeModel(name: string, folder: string): Promise<[graph: string, weights: string]> {
  const fixture = join('fixtures/full-size', name);
  const facts = JSON.parse(await readFile(join(fixture, 'full-size.json'), 'utf8')) as {
    dataFile: string;
    dataBytes: number;
  };
  const [graph, weights] = [join(folder, 'model.onnx'), join(folder, facts.dataFile)];
  await writeFile(graph, gunzipSync(await readFile(join(fixture, 'model.onnx.gz'))));
  const file = await open(weights, 'w');
  await file.truncate(facts.dataBytes);
  await file.close();
  return [graph, weights];
}

async function openFiles(page: Page, files: readonly string[]): Promise<void> {
  await page.route('**/models/emoji-t2v/**', (route) => route.abort()); // these tests are not about the bundled model
  await page.goto('./');
  await page.getByTestId('open-model').click();
  await page.getByTestId('files-input').setInputFiles([...files]);
}

const total = async (page: Page, quantity: string, side: 'teacher' | 'student') =>
  Number(await page.getByTestId(`total-${quantity}-${side}`).getAttribute('data-value'));

test('3 GB of SVD are mapped, planned and exported without being read into memory', async ({ page }) => {
  const folder = await mkdtemp(join(tmpdir(), 'vdmini-'));
  try {
    const errors = watchErrors(page);
    const millions = async (side: 'teacher' | 'student') => ((await total(page, 'parameters', side)) / 1e6).toFixed(1);
    const [graph, weights] = await writeModel('svd', folder);
    await openFiles(page, [graph, weights]);
    await expect(cell(page, 'down_blocks.0.pairs.1')).toBeVisible({ timeout: 60_000 });
    await expect(page.getByTestId('cannot-run').first()).toContainText(/3\.07 GB of weights/);
    expect(await millions('teacher')).toBe('1524.6'); // the paper's numbers for SVD

    await page.getByTestId('preset-vdmini').click();
    await expect.poll(() => millions('student')).toBe('939.9');
    await page.getByTestId('export-open').click();
    await page.getByTestId('format-pipeline-zip').check();
    await page.getByTestId('export-run').click();
    await expect(page.getByTestId('export-progress')).toHaveAttribute('data-phase', 'pack');
    await expect(page.getByTestId('export-place')).toContainText(/[1-9].* of 1\.8\d\sGB/); // a part is written
    await page.getByTestId('cancel-export').click();
    await expect(page.getByTestId('export-run')).toBeVisible();
    await expect(page.getByTestId('export-result')).toHaveCount(0);
    expect(await storedFiles(page)).toEqual([]); // a cancelled export leaves nothing behind

    // Weights beside the graph are not copied at all before they are downloaded.
    await page.getByTestId('format-onnx-external').check();
    await page.getByTestId('export-run').click();
    await expect(page.getByTestId('export-result')).toHaveAttribute('data-current', 'true', { timeout: 180_000 });
    const bytes = Number(await page.getByTestId('export-file-bytes').getAttribute('data-value'));
    expect(bytes).toBeGreaterThan(2 * 939e6); // half precision
    expect(bytes).toBeLessThan(2 * 939e6 + 20e6);
    expect(await storedFiles(page)).toEqual([]);
    await expect(page.getByTestId('export-download')).toHaveCount(2);

    await utimes(weights, new Date(), new Date()); // as after another export over it
    await page.getByTestId('export-download').last().click();
    await expect(page.getByTestId('error-panel')).toHaveAttribute('data-error-code', 'onnx/file-changed');
    await page.getByTestId('error-dismiss').click();
    await page.getByTestId('format-pipeline-zip').check();
    await page.getByTestId('export-run').click();
    await expect(page.getByTestId('error-panel')).toHaveAttribute('data-error-code', 'onnx/file-changed');
    expect(errors).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('12.8 billion parameters of HunyuanVideo are mapped and planned', async ({ page }) => {
  const folder = await mkdtemp(join(tmpdir(), 'vdmini-'));
  try {
    const errors = watchErrors(page);
    await openFiles(page, await writeModel('hunyuan', folder));
    await expect(cell(page, 'single_transformer_blocks.39')).toBeVisible();
    await expect(page.getByTestId('cannot-run').first()).toContainText(/25\.66 GB of weights.*plans and exports work/);
    for (const [kind, count] of [
      ['transformer_blocks', 20],
      ['single_transformer_blocks', 40],
    ] as const) {
      for (let i = 0; i < count; i++) await expect(cell(page, `${kind}.${i}`)).toHaveCount(1);
    }
    const totals = async (side: 'teacher' | 'student') => ({
      parameters: await total(page, 'parameters', side),
      bytes: await total(page, 'bytes', side),
      macs: await total(page, 'macs', side),
    });
    const teacher = await totals('teacher');
    expect((teacher.parameters / 1e9).toFixed(2)).toBe('12.82');
    expect((teacher.bytes / 1e9).toFixed(1)).toBe('25.6');
    expect((teacher.macs / 1e12).toFixed(0)).toBe('254');

    // A single block: worked out by hand in src/cli/realSize.test.ts.
    const block = { parameters: 141_591_808, bytes: 2 * 141_594_880, macs: 4_237_456_441_344 };
    await cell(page, 'single_transformer_blocks.12').click();
    await expect
      .poll(() => totals('student'))
      .toEqual({
        parameters: teacher.parameters - block.parameters,
        bytes: teacher.bytes - block.bytes,
        macs: teacher.macs - block.macs,
      });
    await cell(page, 'single_transformer_blocks.12').click();
    await expect.poll(() => totals('student')).toEqual(teacher);
    expect(errors).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** Every file in the page's own storage. */
function storedFiles(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const names: string[] = [];
    const folders = [await navigator.storage.getDirectory()];
    for (const folder of folders) {
      for await (const handle of (folder as unknown as { values(): AsyncIterable<FileSystemHandle> }).values()) {
        if (handle.kind === 'directory') folders.push(handle as FileSystemDirectoryHandle);
        else names.push(handle.name);
      }
    }
    return names;
  });
}
