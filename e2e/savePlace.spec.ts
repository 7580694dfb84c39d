/**
 * Exports to a place that the person picked. The native pickers cannot be driven: here they are functions that give
 * real handles of the origin private file system, which have the same interface and the same streams.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, type Page, test } from '@playwright/test';
import { unzipSync } from 'fflate';
import packageFile from '../package.json' with { type: 'json' };
import { buildModel } from '../src/onnx/testing/buildModel';
import { writeModel } from '../src/onnx/writeModel';
import { cell, engineWorker, watchErrors } from './studioPage';

const name = `wide-without-1-layer-seed1-steps20-guidance1-v${packageFile.version}`;

/** Residual blocks of 4 MB on a small latent: quick to run, and written in more than one piece. */
const wide = writeModel(
  buildModel((b) => {
    const sample = b.input('sample', [1, 4, 4, 4, 4]);
    b.input('timestep', [1], 'float32');
    const conv = (x: string, path: string, from: number, to: number) =>
      b.op('Conv', [x, b.weight(`${path}.weight`, [to, from, 1, 1, 1])], {}, { name: `/${path}/Conv` });
    let x = conv(sample, 'conv_in', 4, 1024);
    for (let block = 0; block < 6; block++) {
      x = b.op(
        'Add',
        [x, b.op('Sigmoid', [conv(x, `blocks.${block}.conv`, 1024, 1024)], {}, { name: `/blocks.${block}/Sigmoid` })],
        {},
        { name: `/blocks.${block}/Add` },
      );
    }
    b.op(
      'Conv',
      [x, b.weight('conv_out.weight', [4, 1024, 1, 1, 1])],
      {},
      { name: '/conv_out/Conv', outputs: ['out_sample'] },
    );
    b.output('out_sample', [1, 4, 4, 4, 4]);
  }),
);

type Writing = 'as it is' | 'slow' | 'full' | 'refused';

/** Replaces the pickers; `window.picking` says what they do. */
async function replacePickers(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const state = { dismiss: false };
    const folder = async () => (await navigator.storage.getDirectory()).getDirectoryHandle('picked', { create: true });
    const dismissed = () =>
      state.dismiss && Promise.reject(new DOMException('The user aborted a request.', 'AbortError'));
    Object.assign(window, {
      picking: state,
      showDirectoryPicker: async () => (await dismissed(), folder()),
      showSaveFilePicker: async ({ suggestedName }: { suggestedName: string }) => (
        await dismissed(), (await folder()).getFileHandle(suggestedName, { create: true })
      ),
    });
  });
}

/** How the worker's streams behave from now on: after `goodWrites` they are slow, or find the disk full. */
async function setWriting(page: Page, writing: Writing, goodWrites = 1): Promise<void> {
  await engineWorker(page).evaluate(
    ({ kind, good }) => {
      const scope = self as unknown as {
        realWrite?: FileSystemWritableFileStream['write'];
        realOpen?: FileSystemFileHandle['createWritable'];
      };
      const { prototype } = FileSystemWritableFileStream;
      const write = (scope.realWrite ??= prototype.write);
      const open = (scope.realOpen ??= FileSystemFileHandle.prototype.createWritable);
      let writes = 0;
      FileSystemFileHandle.prototype.createWritable =
        kind === 'refused'
          ? () => Promise.reject(new DOMException('The request is not allowed.', 'NotAllowedError'))
          : open;
      prototype.write = async function (data) {
        writes++;
        if (kind === 'slow' && writes > good) await new Promise((done) => setTimeout(done, 600));
        if (kind === 'full' && writes > good) throw new DOMException('No space.', 'QuotaExceededError');
        return write.call(this, data);
      };
    },
    { kind: writing, good: goodWrites },
  );
}

/** Name -> SHA-256 of what lies in the picked folder. */
async function picked(page: Page): Promise<Record<string, string>> {
  const files = await page.evaluate(async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('picked', { create: true });
    const found: Record<string, string> = {};
    for await (const [name, handle] of folder as unknown as AsyncIterable<[string, FileSystemFileHandle]>) {
      const hash = await crypto.subtle.digest('SHA-256', await (await handle.getFile()).arrayBuffer());
      found[name] = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    }
    return found;
  });
  return files;
}

async function emptyPicked(page: Page): Promise<void> {
  await page.evaluate(async () =>
    (await navigator.storage.getDirectory()).removeEntry('picked', { recursive: true }).catch(() => undefined),
  );
}

async function downloads(page: Page): Promise<Record<string, Buffer>> {
  await page.getByTestId('export-run').click();
  await expect(page.getByTestId('export-result')).toHaveAttribute('data-current', 'true');
  const files: Record<string, Buffer> = {};
  for (const button of await page.getByTestId('export-download').all()) {
    const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
    files[download.suggestedFilename()] = await readFile(await download.path());
  }
  return files;
}

const hashes = (files: Record<string, Buffer>) =>
  Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => [name, createHash('sha256').update(bytes).digest('hex')]),
  );

async function save(page: Page): Promise<void> {
  await page.getByTestId('export-save').click();
  await expect(page.getByTestId('export-saved')).toBeVisible();
}

test.beforeEach(async ({ page }) => {
  await replacePickers(page);
  await page.route('**/models/emoji-t2v/**', (route) => route.abort()); // these tests are not about the bundled model
  await page.goto('./');
  await page.getByTestId('open-model').click();
  await page.getByTestId('files-input').setInputFiles([
    { name: 'wide.onnx', mimeType: 'application/octet-stream', buffer: Buffer.from(wide) },
    { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('goes into the zip beside the model') },
  ]);
  await cell(page, 'blocks.1').click();
  await page.getByTestId('export-open').click();
});

test('a picked place gets the very bytes of the download', async ({ page }) => {
  const errors = watchErrors(page);

  await page.getByTestId('format-onnx').check();
  const one = await downloads(page);
  await save(page);
  await expect(page.getByTestId('export-saved')).toHaveText(`Saved to ${name}.onnx`);
  await expect(page.getByTestId('export-download')).toHaveCount(0);
  expect(Number(await page.getByTestId('export-max-difference').getAttribute('data-value'))).toBeLessThanOrEqual(1e-4);
  expect(await picked(page)).toEqual(hashes(one));

  await emptyPicked(page);
  await page.getByTestId('format-onnx-external').check();
  const two = await downloads(page);
  expect(Object.keys(two)).toEqual([`${name}.onnx`, `${name}.onnx.data`]);
  await save(page);
  await expect(page.getByTestId('export-saved')).toContainText(`Saved to the folder picked`);
  expect(await picked(page)).toEqual(hashes(two));
  await page.getByTestId('export-save').click(); // what lies in a folder is never written over
  await expect(page.getByTestId('export-saved')).toContainText(`${name}-2.onnx`);
  expect(Object.keys(await picked(page)).sort()).toEqual([
    `${name}-2.onnx`,
    `${name}-2.onnx.data`,
    `${name}.onnx`,
    `${name}.onnx.data`,
  ]);
  expect(await picked(page)).toMatchObject(hashes(two));

  await emptyPicked(page);
  await page.getByTestId('format-pipeline-zip').check();
  const zip = unzipSync(new Uint8Array(Object.values(await downloads(page))[0]!));
  await save(page);
  const bytes = await page
    .evaluate(async (fileName) => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('picked');
      const url = URL.createObjectURL(await (await folder.getFileHandle(fileName)).getFile());
      const link = Object.assign(document.createElement('a'), { href: url, download: 'saved.zip' });
      setTimeout(() => link.click(), 50);
    }, `${name}.zip`)
    .then(async () => readFile(await (await page.waitForEvent('download')).path()));
  const saved = unzipSync(new Uint8Array(bytes)); // entry by entry: a zip holds the time it was made
  expect(Object.keys(saved)).toEqual(Object.keys(zip));
  expect(Object.keys(saved)).toHaveLength(2);
  for (const [path, content] of Object.entries(saved)) expect(Buffer.from(content).equals(zip[path]!), path).toBe(true);
  expect(errors).toEqual([]);
});

test('a cancelled, failed or refused export leaves no file, and a closed picker is no error', async ({ page }) => {
  const errors = watchErrors(page);
  for (const [format, phase] of [
    ['onnx', 'save'],
    ['onnx-external', 'write'],
    ['pipeline-zip', 'save'],
  ] as const) {
    await test.step(format, async () => {
      await page.getByTestId(`format-${format}`).check();
      await setWriting(page, 'slow');
      await page.getByTestId('export-save').click();
      await expect(page.getByTestId('export-progress')).toHaveAttribute('data-phase', phase);
      await expect(page.getByTestId('export-place')).toContainText(/^Going to .*picked|without-1-layer/);
      await expect(page.getByTestId('export-place')).toContainText(/[1-9].* of /); // a part is written
      await page.getByTestId('cancel-export').click();
      await expect(page.getByTestId('export-save')).toBeVisible();
      await expect(page.getByTestId('error-panel')).toHaveCount(0);
      expect(await picked(page)).toEqual({});

      for (const [writing, code] of [
        ['full', 'library/quota'],
        ['refused', 'library/write-refused'],
      ] as const) {
        await setWriting(page, writing);
        await page.getByTestId('export-save').click();
        await expect(page.getByTestId('error-panel')).toHaveAttribute('data-error-code', code);
        await expect(page.getByTestId('export-result')).toHaveCount(0);
        expect(await picked(page)).toEqual({});
        await page.getByTestId('error-dismiss').click();
        await expect(page.getByTestId('error-panel')).toHaveCount(0);
      }
    });
  }

  await test.step('weights that are whole already go when their graph cannot be written', async () => {
    await page.getByTestId('format-onnx-external').check();
    await setWriting(page, 'full', 3); // the weights in pieces of 8 MiB, then the graph
    await page.getByTestId('export-save').click();
    await expect(page.getByTestId('error-message')).toContainText(`${name}.onnx needs`);
    expect(await picked(page)).toEqual({});
  });

  await test.step('a file that was to be replaced stays as it was', async () => {
    await page.getByTestId('format-onnx').check();
    await page.evaluate(async (fileName) => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('picked', { create: true });
      const stream = await (await folder.getFileHandle(fileName, { create: true })).createWritable();
      await stream.write('an earlier export');
      await stream.close();
    }, `${name}.onnx`);
    await setWriting(page, 'full');
    await page.getByTestId('export-save').click();
    await expect(page.getByTestId('error-panel')).toHaveAttribute('data-error-code', 'library/quota');
    expect(await picked(page)).toEqual({
      [`${name}.onnx`]: createHash('sha256').update('an earlier export').digest('hex'),
    });
    await emptyPicked(page);
  });

  await test.step('permission refused by the person', async () => {
    await page.evaluate(() => Object.assign(FileSystemHandle.prototype, { requestPermission: async () => 'denied' }));
    await page.getByTestId('export-save').click();
    await expect(page.getByTestId('error-panel')).toHaveAttribute('data-error-code', 'library/write-refused');
    expect(await picked(page)).toEqual({});
  });

  await test.step('picker closed', async () => {
    await page.evaluate(() => ((window as unknown as { picking: { dismiss: boolean } }).picking.dismiss = true));
    await page.getByTestId('export-save').click();
    await expect(page.getByTestId('error-panel')).toHaveCount(0);
    await expect(page.getByTestId('export-save')).toBeVisible();
  });
  expect(errors).toEqual([]);
});
