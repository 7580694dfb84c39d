/** The page itself, with a model that runs in milliseconds: what is kept, said, shown, copied and saved. */
import { readFile } from 'node:fs/promises';
import { expect, type Locator, type Page, test } from '@playwright/test';
import packageFile from '../package.json' with { type: 'json' };
import { bothDone, cell, clip, clipHash, watchErrors } from './studioPage';
import { openTiny, tinyModel } from './tinyModel';

const { version } = packageFile;
let errors: string[];

test.beforeEach(async ({ page }) => {
  errors = watchErrors(page);
  await page.route('**/models/emoji-t2v/**', (route) => route.abort()); // these tests are not about the bundled model
});
test.afterEach(() => expect(errors).toEqual([]));

async function visitTiny(page: Page, hash = '#seed=1&steps=4&guidance=1'): Promise<void> {
  await page.goto(`./${hash}`);
  await openTiny(page);
}

const saved = async (page: Page, press: () => Promise<unknown>) => {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
};

const transform = (canvas: Locator) => canvas.evaluate((element) => (element as HTMLElement).style.transform);

test('the map is there and takes clicks before the runtime is', async ({ page }) => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/*.wasm', async (route) => (await held, route.continue()));
  await page.goto('./#steps=2&guidance=1');
  await page.getByTestId('open-model').click();
  await page
    .getByTestId('files-input')
    .setInputFiles({ name: 'tiny.onnx', mimeType: 'application/octet-stream', buffer: Buffer.from(tinyModel) });
  await cell(page, 'blocks.1').click();
  await expect(cell(page, 'blocks.1')).toHaveAttribute('data-state', 'off');
  await expect(page.getByTestId('opening')).toBeVisible(); // sessions cannot be there yet
  release();
  await bothDone(page);
  await expect(cell(page, 'blocks.1')).toHaveAttribute('data-state', 'off');
  await page.getByTestId('undo').click();
  await expect(cell(page, 'blocks.1')).toHaveAttribute('data-state', 'on');
});

test('settings are kept while a clip plays, Enter starts anew during a run, and older clips look stale', async ({
  page,
}) => {
  await visitTiny(page);
  await page.getByTestId('play').click();
  await expect(page.getByTestId('play')).toHaveAccessibleName(/Pause|Play/);
  if ((await page.getByTestId('play').getAttribute('aria-label')) === 'Play') await page.getByTestId('play').click();
  await page.getByTestId('rerun-mode').click();
  await page.getByTestId('seed').fill('7');
  await page.getByTestId('seed').blur();
  for (const side of ['teacher', 'student']) await expect(page.getByTestId(`${side}-stale`)).toBeVisible();
  await expect
    .poll(() => page.evaluate(() => JSON.parse(localStorage.getItem('vdmini-studio/1')!).settings.seed))
    .toBe(7);
  await expect(page.getByTestId('play')).toHaveAccessibleName('Pause'); // it played all the while

  await page.getByTestId('steps').fill('200');
  await page.getByTestId('steps').press('Enter');
  await expect(page.getByTestId('cancel-run')).toBeVisible();
  await page.getByTestId('steps').fill('3'); // on demand: nothing but Enter starts a run
  await page.getByTestId('steps').press('Enter');
  await bothDone(page);
  await expect(clip(page, 'student')).toHaveAttribute('data-step', '3');
  await expect(page.getByTestId('student-stale')).toHaveCount(0);
  await expect(page.getByTestId('announcer')).toContainText('Both clips are done');
});

test('the address has everything, is followed, and can be copied; so can the command', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await visitTiny(page, '#seed=9&steps=3&guidance=1&view=wipe');
  await expect(page.getByTestId('seed')).toHaveValue('9');
  await expect(page.getByTestId('viewer')).toHaveAttribute('data-view', 'wipe');
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  await page.getByTestId('copy-link').click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const entries = new URLSearchParams(new URL(link).hash.slice(1));
  expect(Object.fromEntries(entries)).toMatchObject({
    seed: '9',
    steps: '3',
    guidance: '1',
    view: 'wipe',
    plan: 'blocks.1',
  });
  await page.getByTestId('copy-command').click();
  await expect
    .poll(() => page.evaluate(() => navigator.clipboard.readText()))
    .toMatch(/vdmini -- compare tiny\.onnx .*--seed 9 --steps 3 --guidance 1 --drop blocks\.1 --json$/);
  await page.evaluate(() => (location.hash = location.hash.replace('seed=9', 'seed=5').replace('&plan=blocks.1', '')));
  await expect(page.getByTestId('seed')).toHaveValue('5');
  await expect(cell(page, 'blocks.1')).toHaveAttribute('data-state', 'on');
});

test('a VAE decoder is refused by name, and what is open stays', async ({ page }) => {
  await visitTiny(page);
  const before = await clipHash(page, 'teacher');
  await page.getByTestId('open-model').click();
  await page.getByTestId('files-input').setInputFiles('public/models/emoji-t2v/vae_decoder/model.onnx');
  await expect(page.getByTestId('error-panel')).toHaveAttribute('data-error-code', 'library/not-a-denoiser');
  await expect(page.getByTestId('error-message')).toContainText('is a VAE decoder');
  await page.getByTestId('error-dismiss').click();
  expect(await clipHash(page, 'teacher')).toBe(before);
  await cell(page, 'blocks.1').click(); // it still runs
  await bothDone(page);
  await expect(page.getByTestId('teacher-no-decoder')).toContainText('without a VAE decoder');
});

test('a failed address keeps what was typed', async ({ page }) => {
  await page.goto('./');
  const typed = 'http://localhost:1/no-such/model.onnx';
  await page.getByTestId('open-model').click();
  await page.getByTestId('url-input').fill(typed);
  await page.getByTestId('url-keep').uncheck();
  await page.getByTestId('url-open').click();
  await expect(page.getByTestId('error-panel')).toHaveAttribute('data-error-code', 'library/fetch-failed');
  await page.getByTestId('edit-address').click();
  await expect(page.getByTestId('url-input')).toHaveValue(typed);
  await expect(page.getByTestId('url-keep')).not.toBeChecked();
});

test('files say where they came from; clips come as PNG, GIF and video', async ({ page }) => {
  await visitTiny(page, '#seed=9&steps=3&guidance=1');
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  const csv = await saved(page, () => page.getByTestId('metrics-csv').click());
  expect(csv.name).toBe(`tiny-without-1-layer-seed9-steps3-guidance1-metrics-v${version}.csv`);
  for (const line of [
    '# model,"tiny.onnx"',
    '# dropped,"blocks.1"',
    '# seed,9',
    '# steps,3',
    '# version,"VDMini Studio ',
  ])
    expect(csv.bytes.toString()).toContain(line);

  await page.getByTestId('save-clip').click();
  await page.getByTestId('frame-forward').isVisible();
  const stem = 'tiny-without-1-layer-seed9-steps3-guidance1';
  const png = await saved(page, () => page.getByTestId('save-png').click());
  expect(png.name).toMatch(new RegExp(`^${stem}-both-frame[1-4]-v${version}\\.png$`));
  expect(png.bytes.subarray(1, 4).toString()).toBe('PNG');
  expect(png.bytes.readUInt32BE(16)).toBe(2 * 8 * 4 + 8); // two frames of 8 pixels, each as 4x4, and the gap
  await page.getByTestId('save-part').getByRole('radio', { name: 'Student' }).click();
  const gif = await saved(page, () => page.getByTestId('save-gif').click());
  expect([gif.name, gif.bytes.subarray(0, 6).toString()]).toEqual([`${stem}-student-v${version}.gif`, 'GIF89a']);
  const webm = await saved(page, () => page.getByTestId('save-webm').click());
  expect([webm.name, webm.bytes.readUInt32BE(0)]).toEqual([`${stem}-student-v${version}.webm`, 0x1a45dfa3]);
  await page.keyboard.press('Escape');

  await page.getByTestId('export-open').click();
  const plan = await saved(page, () => page.getByTestId('plan-save').click());
  expect(plan.name).toBe(`${stem}-v${version}.plan.json`);
  expect(JSON.parse(plan.bytes.toString())).toMatchObject({
    model: 'tiny.onnx',
    dropped: ['blocks.1'],
    settings: { seed: 9, steps: 3, guidance: 1 },
  });
});

test('both sides magnify and move in step, swap while held; the difference has a scale', async ({ page }) => {
  await visitTiny(page);
  const [teacher, student] = [clip(page, 'teacher'), clip(page, 'student')];
  await teacher.hover();
  await page.mouse.wheel(0, -600);
  await expect.poll(() => transform(student)).toMatch(/scale\([23]/);
  expect(await transform(student)).toBe(await transform(teacher));
  const before = await transform(teacher);
  await page.mouse.down();
  await page.mouse.move(300, 300, { steps: 4 });
  await page.mouse.up();
  expect(await transform(teacher)).not.toBe(before);
  expect(await transform(student)).toBe(await transform(teacher));
  await page.keyboard.press('0');
  expect(await transform(student)).toBe('');

  const order = () => page.locator('.caption-name').allInnerTexts();
  expect(await order()).toEqual(['Teacher', 'Student']);
  await page.keyboard.down('x');
  await expect.poll(order).toEqual(['Student', 'Teacher']);
  await page.keyboard.up('x');
  await expect.poll(order).toEqual(['Teacher', 'Student']);

  await page.keyboard.press('3');
  await expect(page.getByTestId('difference-scale')).toContainText('64 of 255 levels');

  await page.keyboard.press('?');
  await expect(page.getByTestId('help-dialog')).toContainText('swap the sides');
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('help-dialog')).toHaveCount(0);
});

test('undo survives a reload; layers are found and switched by name and kind', async ({ page }) => {
  await visitTiny(page);
  await page.getByTestId('map-search').fill('blocks 2');
  await expect(page.getByTestId('marked')).toContainText('1 layer');
  await page.getByTestId('marked-drop').click();
  await expect(cell(page, 'blocks.2')).toHaveAttribute('data-state', 'off');
  await page.getByTestId('marked-clear').click();
  await page.reload();
  await openTiny(page);
  await expect(cell(page, 'blocks.2')).toHaveAttribute('data-state', 'off');
  await page.getByTestId('undo').click();
  await expect(cell(page, 'blocks.2')).toHaveAttribute('data-state', 'on');
});

test('the verdict leads, figures and charts come on demand, each with a name', async ({ page }) => {
  await visitTiny(page);
  await expect(page.getByTestId('verdict')).toContainText('Identical');
  await expect(page.getByTestId('metric-ssim')).toBeHidden();
  await cell(page, 'blocks.0').click();
  await bothDone(page);
  await expect(page.getByTestId('verdict')).toContainText(/fewer parameters.*content (kept|changed|lost)/);
  await expect(page.getByTestId('metric-ssim')).toBeVisible();
  await page.getByTestId('metrics-details').click();
  for (const id of ['psnr', 'error-motion'])
    await expect(page.getByTestId(`chart-${id}`)).toHaveAccessibleName(/from .* to/);
  await page.getByRole('button', { name: 'Motion delta' }).click();
  await expect(page.getByRole('note')).toContainText('stands still');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('note')).toHaveCount(0);
});
