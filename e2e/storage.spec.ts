/** Whatever lies in the browser's storage, or where it is forbidden: the page opens, samples and takes clicks. */
import { expect, type Page, test } from '@playwright/test';
import { bothDone, cell, watchErrors } from './studioPage';
import { openTiny } from './tinyModel';

const keys = ['vdmini-studio/1', 'vdmini-studio/page', 'vdmini-studio/history', 'vdmini-studio/measured'];

const settings = { prompt: 'x'.repeat(1e5), seed: -1, steps: 1e9, guidance: null };
const absurd: readonly string[] = [
  'null',
  '[[null],{"name":1}]',
  '{"settings":null,"player":{"frame":1e300,"view":7,"zoom":-1,"speed":0},"folder":{"kind":"files","url":"x"}}',
  JSON.stringify({ model: {}, settings, rerun: [], backend: 'cuda', player: [], past: [[1]], units: 'x' }),
  '{"fingerprint":"x","plan":["a"],"past":[],"future":[["a"]],"quantity":"time","detailsShown":"yes"',
];

async function expectUsable(page: Page): Promise<void> {
  await openTiny(page);
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  await page.getByTestId('open-model').click();
  await expect(page.getByTestId('open-panel')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('crash')).toHaveCount(0);
}

test.beforeEach(({ page }) => page.route('**/models/emoji-t2v/**', (route) => route.abort()));

test('absurd values in storage count as none', async ({ page }) => {
  const errors = watchErrors(page);
  await page.goto('./');
  for (const text of absurd) {
    await page.evaluate(
      ([names, value]) => {
        for (const name of names) localStorage.setItem(name, value);
        // the page writes its own when it goes: what was planted has to stay
        window.addEventListener('pagehide', () => names.forEach((name) => localStorage.setItem(name, value)));
      },
      [keys, text] as const,
    );
    await page.reload();
    await expect(page.getByTestId('open-model')).toBeVisible();
    await expect(page.getByTestId('crash')).toHaveCount(0);
  }
  await page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const model = await (await root.getDirectoryHandle('models', { create: true })).getDirectoryHandle('odd', {
      create: true,
    });
    const record = await (await model.getFileHandle('model.json', { create: true })).createWritable();
    await record.write('{"url":7,"name":{}}');
    await record.close();
  });
  await expectUsable(page);
  expect(errors).toEqual([]);
});

test('storage that is forbidden is done without', async ({ page }) => {
  const errors = watchErrors(page);
  await page.addInitScript(() => {
    for (const name of ['localStorage', 'sessionStorage'])
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException('forbidden', 'SecurityError');
        },
      });
    navigator.storage.getDirectory = () => Promise.reject(new DOMException('forbidden', 'SecurityError'));
  });
  await page.goto('./');
  await expectUsable(page);
  expect(errors).toEqual([]);
});
