/**
 * The preset's cut of the bundled model, healed in a tab as far as the command line heals it in 28 minutes: as many steps of as
 * many states, and what it exports written to VDMINI_TAB_OUT, for training/heal/judge_folder.py. An hour or more:
 * VDMINI_TAB_OUT=/tmp/tab npx playwright test healingInTheTab
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from '@playwright/test';
import { unzipSync } from 'fflate';
import { bothDone, visit, watchErrors } from './studioPage';

const MINUTES = 60_000;
const STEPS = Number(process.env['VDMINI_TAB_STEPS'] ?? 1395);
const folder = process.env['VDMINI_TAB_OUT'];

test.skip(!folder, 'an hour or more');

test('the preset’s cut is healed in a tab within 90 minutes', async ({ page }) => {
  test.setTimeout(120 * MINUTES);
  const errors = watchErrors(page);
  await visit(page, { steps: 4, backend: 'wasm', path: './#seed=3&steps=4&guidance=1' });
  await bothDone(page);
  await page.getByTestId('preset-vdmini').click();
  await bothDone(page);
  await page.getByTestId('heal-it').click();
  await page.getByTestId('heal-limit').locator('[data-value=steps]').click();
  await page.getByText('More settings').click();
  await page.getByTestId('heal-steps').fill(String(STEPS));
  await page.getByTestId('heal-steps').press('Enter');
  const began = Date.now();
  await page.getByTestId('heal-start').click();
  const minutes = () => (Date.now() - began) / MINUTES;
  const told = setInterval(async () => {
    const standing = await page
      .getByTestId('heal-standing')
      .textContent()
      .catch(() => null);
    if (standing !== null) console.log(`${minutes().toFixed(1)} minutes: ${standing}`);
  }, 2 * MINUTES);
  try {
    await expect(page.getByTestId('heal-outcome')).toHaveAttribute('data-gained', 'true', { timeout: 110 * MINUTES });
  } finally {
    clearInterval(told);
  }
  const healing = minutes();
  const { summary } = (await page.evaluate(() => window.__vdmini!.stored())).students[0]!;
  const { curves: _, ...figures } = summary as typeof summary & { readonly curves?: unknown };
  console.log(`${summary.steps} steps in ${healing.toFixed(1)} minutes: ${JSON.stringify(figures)}`);

  await page.getByTestId('export-open').click();
  await page.getByTestId('format-pipeline-zip').check();
  await page.getByTestId('export-run').click();
  await expect(page.getByTestId('export-result')).toHaveAttribute('data-current', 'true', { timeout: 10 * MINUTES });
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('export-download').click()]);
  for (const [path, bytes] of Object.entries(unzipSync(await readFile(await download.path())))) {
    await mkdir(dirname(join(folder!, path)), { recursive: true });
    await writeFile(join(folder!, path), bytes);
  }
  expect(errors).toEqual([]);
  expect(healing).toBeLessThanOrEqual(90);
});
