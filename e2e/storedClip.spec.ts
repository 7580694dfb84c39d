/** The clip that lies beside a bundled model is on screen before the model runs, and never with another model. */
import { expect, test } from '@playwright/test';
import { clip } from './studioPage';

test('a stored clip is shown while the model opens', async ({ page }) => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/*.wasm', async (route) => (await held, route.continue()));
  await page.goto('./');
  await expect(clip(page, 'teacher')).toBeVisible();
  await expect(page.getByTestId('stored-clip')).toBeVisible();
  await expect(page.getByTestId('teacher-stale')).toHaveCount(0);
  await expect(page.getByTestId('opening')).toBeVisible(); // nothing can have run yet
  release();
});

test('a stored clip of another model goes once the model is open', async ({ page }) => {
  await page.route('**/stored-clip.json', async (route) => {
    const facts = (await (await route.fetch()).json()) as object;
    await route.fulfill({ json: { ...facts, fingerprint: 'of another model' } });
  });
  await page.goto('./');
  await expect(clip(page, 'teacher')).toBeVisible();
  await expect(clip(page, 'teacher')).toHaveAttribute('data-step', /[1-9]/); // made here: stored ones have step 0
});
