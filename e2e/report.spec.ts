/** The report of what the page shows: one file, read without network or script, accessible and fit for paper. */
import { readFile } from 'node:fs/promises';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { bothDone, cell, watchErrors } from './studioPage';
import { openTiny } from './tinyModel';

test('a report is one file that fetches nothing, axe is clean on it, and it tells the figures of the page', async ({
  page,
  browser,
}) => {
  const errors = watchErrors(page);
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await page.goto('./#seed=1&steps=4&guidance=1');
  await openTiny(page);
  await bothDone(page);
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  const jod = page.getByTestId('metric-jod');
  await expect(jod).toHaveAttribute('data-value', /^\d/);
  await page.getByTestId('metrics-details').click();
  await page.getByTestId('measure-scores').click();
  await expect(page.getByTestId('clip-scores')).toContainText(/Motion smoothness \(proxy\) [01]\.\d+ → [01]\.\d+/);
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByTestId('save-report').click()]);
  expect(saved.suggestedFilename()).toMatch(/-report-v\d+\.\d+\.\d+\.html$/);
  const path = await saved.path();
  const text = await readFile(path, 'utf8');
  expect(text.length).toBeLessThan(5e6);
  expect(text).toContain(
    Number(await jod.getAttribute('data-value'))
      .toFixed(2)
      .replace(/\.?0+$/, ''),
  );
  expect(text).toContain('blocks.1');
  expect(text.match(/src="data:image\/gif;base64,R0lGOD/g)).toHaveLength(4);

  const context = await browser.newContext({ viewport: { width: 1024, height: 800 }, javaScriptEnabled: true });
  const report = await context.newPage();
  const asked: string[] = [];
  report.on('request', (request) => asked.push(request.url()));
  await report.route('http://report.test/', (route) => route.fulfill({ contentType: 'text/html', body: text }));
  await report.goto('http://report.test/');
  expect(asked.filter((url) => !url.startsWith('data:'))).toEqual(['http://report.test/']);
  for (const colorScheme of ['light', 'dark'] as const) {
    await report.emulateMedia({ colorScheme });
    expect((await new AxeBuilder({ page: report }).analyze()).violations).toEqual([]);
  }
  for (const media of ['screen', 'print'] as const) {
    await report.emulateMedia({ media });
    expect(await report.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  }
  const images = await report.evaluate(() => [...document.images].map(({ naturalWidth }) => naturalWidth));
  expect(images.every((width) => width > 0)).toBe(true);
  await context.close();
  expect(errors).toEqual([]);
});
