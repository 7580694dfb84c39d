/** The clip that lies beside a bundled model is on screen before the model runs, and never with another model. */

import { readFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { bundledModels } from '../src/library/bundledModels';
import { bothDone, clip } from './studioPage';

interface StoredFacts {
  readonly fingerprint: string;
}

for (const path of ['./', ...bundledModels.map(({ id }) => `./#model=${id}`)])
  test(`${path}: a stored clip is shown while the model opens`, async ({ page }) => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/*.wasm', async (route) => (await held, route.continue()));
    await page.goto(path);
    await expect(clip(page, 'teacher')).toBeVisible();
    await expect(page.getByTestId('stored-clip')).toBeVisible();
    await expect(page.getByTestId('teacher-stale')).toHaveCount(0);
    await expect(page.getByTestId('opening')).toBeVisible(); // nothing can have run yet
    release();
  });

test('a stored clip of another model goes once the model is open', async ({ page }) => {
  await page.route('**/stored-clip.json', async (route) => {
    const facts = (await (await route.fetch()).json()) as object;
    await route.fulfill({ json: { ...facts, outline: 'of another model' } });
  });
  await page.goto('./');
  await expect(clip(page, 'teacher')).toBeVisible();
  await bothDone(page); // made here: stored ones never count as finished
  const [csv] = await Promise.all([page.waitForEvent('download'), page.getByTestId('metrics-csv').click()]);
  const { fingerprint } = JSON.parse(await readFile('public/models/emoji-t2v/stored-clip.json', 'utf8')) as StoredFacts;
  expect(await readFile(await csv.path(), 'utf8')).toContain(fingerprint); // the command line and the page call the model by one name
});
