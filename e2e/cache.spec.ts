/** Models from an address of another origin: kept in the browser, resumed, checked, deleted, refused without room. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { type StaticServer, staticServer } from '../src/library/testing/nodeStaticServer';
import { cell, watchErrors } from './studioPage';
import { openTiny } from './tinyModel';

const source = 'public/models/emoji-t2v';
const files = Object.fromEntries(
  readdirSync(source, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [`far/${path.slice(source.length + 1)}`, new Uint8Array(readFileSync(path))]),
);
const denoiserBytes = files['far/unet/model.onnx']!.length;
/** As the page says it. */
const denoiserSize = (denoiserBytes / 1e6).toFixed(1);
const cutAt = 5_000_000;

let server: StaticServer;

test.beforeEach(async ({ page }) => {
  server = await staticServer(files, { cors: true, ranges: true });
  await page.addInitScript(() => {
    const asked: boolean[] = [];
    Object.assign(window, { askedToPersist: asked });
    navigator.storage.persist = async () => (asked.push(navigator.userActivation.isActive), true);
  });
  await page.route(/localhost.*\/models\/emoji-t2v\//, (route) => route.abort()); // these tests are not about the bundled model
  await page.goto('./');
});
test.afterEach(() => server.close());

async function openAddress(page: Page): Promise<void> {
  await page.getByTestId('open-model').click();
  await page.getByTestId('url-input').fill(`${server.url}far/`);
  await page.getByTestId('url-open').click();
}

/** The map shows as soon as the graph is read; the rest of the pipeline may still be on its way then. */
async function opened(page: Page): Promise<void> {
  await expect(cell(page, 'mid_block.attentions.0')).toBeVisible({ timeout: 60_000 });
  await expect(page.getByTestId('opening')).toHaveCount(0, { timeout: 60_000 });
}
const gets = () => server.log.filter((line) => line.startsWith('GET'));

test('a model is downloaded once, from where it was cut, and then kept, verified and deleted', async ({ page }) => {
  const errors = watchErrors(page);
  const kept = page.getByTestId('kept-model');

  await test.step('a cut download says that it can go on', async () => {
    server.habits = { cors: true, ranges: true, breakAfterBytes: cutAt };
    await page.getByTestId('open-model').click();
    await expect(page.getByTestId('storage-space')).toContainText(/room for/); // before anything is fetched
    expect(server.log).toEqual([]);
    await page.getByTestId('url-input').fill(`${server.url}far/`);
    await page.getByTestId('url-open').click();
    await expect(page.getByTestId('error-panel')).toHaveAttribute('data-error-code', 'library/fetch-broken');
    await expect(page.getByTestId('error-message')).toHaveText(
      new RegExp(`^unet/model\\.onnx: the connection broke after [1-5]\\.\\d MB of ${denoiserSize} MB\\.$`),
    );
    await expect(page.getByTestId('error-remedy')).toContainText('goes on from there');
    expect(await page.evaluate(() => (window as unknown as { askedToPersist: boolean[] }).askedToPersist)).toEqual([
      true,
    ]); // once, on the click
    await page.getByTestId('error-dismiss').click();
  });

  await test.step('the next time asks for the rest only, and shows progress', async () => {
    server.habits = { cors: true, ranges: true };
    server.log.length = 0;
    await page.getByTestId('open-model').click();
    await expect(kept).toHaveAttribute('data-whole', 'false');
    await expect(kept).toContainText(/1\d\.\d.MB to go/);
    const begun = await page.evaluate(largestFile, undefined); // what the network let through before the cut
    expect(begun).toBeLessThanOrEqual(cutAt);
    const progress = page.waitForFunction(
      (size) =>
        document.querySelector('[data-testid=opening]')?.textContent?.replace(/\s/g, ' ').includes(`of ${size} MB`),
      denoiserSize,
      { polling: 'raf' },
    );
    await page.getByTestId('kept-resume').click();
    await progress;
    await opened(page);
    expect(gets().filter((line) => line.includes('unet/model.onnx'))).toEqual([
      `GET /far/unet/model.onnx bytes=${begun}-`,
    ]);
  });

  await test.step('it opens again without the server', async () => {
    await page.reload();
    server.log.length = 0;
    server.habits = { status: 503 };
    await page.getByTestId('open-model').click();
    await expect(kept).toHaveAttribute('data-whole', 'true');
    expect(Number(await page.getByTestId('kept-bytes').getAttribute('data-value'))).toBeGreaterThan(denoiserBytes);
    await kept.getByRole('button').first().click();
    await opened(page);
    expect(gets()).toEqual([]);
  });

  await test.step('verify finds a changed byte', async () => {
    await page.reload();
    await page.getByTestId('open-model').click();
    await page.getByTestId('kept-check').click();
    await expect(kept).toHaveAttribute('data-check', 'good');
    await page.evaluate(largestFile, 1000);
    await page.getByTestId('kept-check').click();
    await expect(kept).toHaveAttribute('data-check', 'bad');
    await expect(page.getByTestId('error-panel')).toHaveAttribute('data-error-code', 'library/integrity');
    await expect(page.getByTestId('error-message')).toContainText('unet/model.onnx');
  });

  await test.step('deleting it frees its room', async () => {
    await page.getByTestId('error-dismiss').click();
    await page.keyboard.press('Escape');
    await openTiny(page); // a reload opens the last model again, and an open one is not deleted
    await page.getByTestId('open-model').click();
    const used = () => page.evaluate(async () => (await navigator.storage.estimate()).usage!);
    const before = await used();
    await page.getByTestId('kept-delete').click();
    await page.getByTestId('kept-delete-now').click();
    await expect(kept).toHaveCount(0);
    expect(await storedBytes(page)).toBe(0);
    expect(before - (await used())).toBeGreaterThan(denoiserBytes);
  });
  expect(errors).toEqual([]);
});

test('a download that cannot fit is refused before its first byte', async ({ page }) => {
  server.habits = { cors: true, claimedBytes: 1e15 };
  await openAddress(page);
  await expect(page.getByTestId('error-panel')).toHaveAttribute('data-error-code', 'library/quota');
  await expect(page.getByTestId('error-message')).toContainText(
    /needs 1000000\.00 GB; the browser leaves this page .* of /,
  );
  expect(await storedBytes(page)).toBe(0);
});

/** Size of the largest file that is kept: the denoiser's only segment. With a position, that byte is changed. */
async function largestFile(changedByte?: number): Promise<number> {
  type Directory = AsyncIterable<[string, FileSystemFileHandle | FileSystemDirectoryHandle]>;
  let largest: { handle: FileSystemFileHandle; file: File } | undefined;
  const look = async (directory: Directory): Promise<void> => {
    for await (const [, handle] of directory) {
      if (handle.kind === 'directory') {
        await look(handle as unknown as Directory);
        continue;
      }
      const file = await (handle as FileSystemFileHandle).getFile();
      if (file.size > (largest?.file.size ?? 0)) largest = { handle: handle as FileSystemFileHandle, file };
    }
  };
  await look((await navigator.storage.getDirectory()) as unknown as Directory);
  if (!largest) return 0;
  const { handle, file } = largest;
  if (changedByte !== undefined) {
    const byte = new Uint8Array(await file.slice(changedByte, changedByte + 1).arrayBuffer());
    const stream = await handle.createWritable({ keepExistingData: true });
    await stream.write({ type: 'write', position: changedByte, data: Uint8Array.of(byte[0]! ^ 1) });
    await stream.close();
  }
  return file.size;
}

/** Bytes of all files below `models` in the page's storage. */
function storedBytes(page: Page): Promise<number> {
  return page.evaluate(async () => {
    type Directory = AsyncIterable<[string, FileSystemFileHandle | FileSystemDirectoryHandle]>;
    const sum = async (directory: Directory): Promise<number> => {
      let bytes = 0;
      for await (const [, handle] of directory)
        bytes +=
          handle.kind === 'directory'
            ? await sum(handle as unknown as Directory)
            : (await (handle as FileSystemFileHandle).getFile()).size;
      return bytes;
    };
    return sum(
      (await (
        await navigator.storage.getDirectory()
      ).getDirectoryHandle('models', { create: true })) as unknown as Directory,
    );
  });
}
