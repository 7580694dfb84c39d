/** The built page under its own content security policy: nothing it does is refused. And the licences that it owes. */
import { readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { bothDone, cell, watchErrors } from './studioPage';
import { openTiny } from './tinyModel';

/** What the policy refused, from the first line of the page on. */
async function watchViolations(page: Page): Promise<() => Promise<readonly string[]>> {
  await page.addInitScript(() => {
    const refused: string[] = [];
    (window as unknown as { refused: string[] }).refused = refused;
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) =>
      refused.push(`${violatedDirective}: ${blockedURI} ${sample}`),
    );
  });
  return () => page.evaluate(() => (window as unknown as { refused: string[] }).refused);
}

async function saved(page: Page, testId: string): Promise<Buffer> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId(testId).click()]);
  return readFileSync(await download.path());
}

test('nothing that the page does is against its content security policy', async ({ browser }) => {
  const context = await browser.newContext({ serviceWorkers: 'allow', reducedMotion: 'no-preference' });
  const page = await context.newPage();
  const errors = watchErrors(page);
  const violations = await watchViolations(page);
  await page.goto('./#steps=1&guidance=1'); // the bundled model, its stored clip
  await bothDone(page);
  await page.evaluate(() => navigator.serviceWorker.ready);
  const manifest = await page.evaluate(async () => {
    const link = document.querySelector<HTMLLinkElement>('link[rel=manifest]')!;
    return (await fetch(link.href)).json() as Promise<{ name: string }>;
  });
  expect(manifest.name).toBe('VDMini Studio');
  await openTiny(page);
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  await page.getByTestId('play').click();
  await page.getByTestId('metrics-details').click();
  for (const view of ['wipe', 'difference', 'side-by-side'])
    await page.getByTestId('view').locator(`[data-value=${view}]`).click();
  await page.getByTestId('tab-importance').click();
  await page.getByTestId('analyze-start').click();
  await expect(page.getByTestId('damage-chart')).toHaveAttribute('data-units', '3');
  await page.getByTestId('tab-plan').click();
  await page.getByTestId('tab-heal').click();
  await expect(page.getByTestId('heal-panel')).toBeVisible();
  await page.getByTestId('tab-compare').click();
  await page.getByTestId('save-clip').click();
  for (const format of ['png', 'gif', 'webm']) expect((await saved(page, `save-${format}`)).length).toBeGreaterThan(50);
  await page.keyboard.press('Escape');
  await page.getByTestId('export-open').click();
  await page.getByTestId('export-run').click();
  await expect(page.getByTestId('export-result')).toHaveAttribute('data-current', 'true');
  expect((await saved(page, 'export-download')).length).toBeGreaterThan(500);
  expect(await violations()).toEqual([]);
  expect(errors).toEqual([]);
  await context.close();
});

test('what is not its own is refused: the policy is in force', async ({ page }) => {
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  const violations = await watchViolations(page);
  await page.goto('./');
  await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.head.append(script);
    const style = document.createElement('style');
    style.textContent = 'body { color: red }';
    document.head.append(style);
    document.body.append(Object.assign(new Image(), { src: 'https://example.com/x.png' }));
    return fetch('http://example.com/').catch(() => undefined);
  });
  await expect
    .poll(async () => (await violations()).map((text) => text.split(':')[0]).sort())
    .toEqual(['connect-src', 'img-src', 'script-src-elem', 'style-src-elem']);
  expect(await page.evaluate(() => 'ran' in window)).toBe(false);
});

test('the licences of all that the page holds are a click away', async ({ page }) => {
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await page.goto('./');
  await page.getByTestId('help').click();
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.getByTestId('third-party-licenses').click()]);
  const text = (await popup.locator('body').textContent())!;
  // of the page, of its worker, of its font and of the runtime's bundle
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
  const notInThePage = ['onnxruntime-node', 'jpeg-js', 'ml-matrix', 'pngjs', 'tsx'];
  for (const [name, version] of Object.entries(manifest.dependencies))
    expect(text.includes(`${name} ${version} (`), name).toBe(!notInThePage.includes(name));
  for (const words of ['Microsoft Corporation', 'SIL OPEN FONT LICENSE', 'Apache License', 'Mozilla Public License'])
    expect(text.toLowerCase()).toContain(words.toLowerCase());
});
