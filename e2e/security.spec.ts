/** The built page under its own content security policy: nothing it does is refused. And the licences that it owes. */
import { readFileSync } from 'node:fs';
import { expect, type Page, test, type Worker } from '@playwright/test';
import { serveBuilt } from './serveBuilt';
import { bothDone, cell, engineWorker, watchErrors } from './studioPage';
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
  const { installabilityErrors } = await (await context.newCDPSession(page)).send('Page.getInstallabilityErrors');
  expect(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito')).toEqual([]); // as all test contexts are
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

/** What a worker's policy refuses of an evaluated text and of a fetch over plain http. */
const refusedIn = (worker: Worker): Promise<readonly string[]> =>
  worker.evaluate(async () => {
    const seen: string[] = [];
    self.addEventListener('securitypolicyviolation', ({ violatedDirective }) => seen.push(violatedDirective));
    // in a task of its own: what a debugger evaluates may evaluate texts itself
    await new Promise<void>((resolve) =>
      setTimeout(() => {
        try {
          // biome-ignore lint/security/noGlobalEval: that it is refused is what is tested
          seen.push(`eval gave ${globalThis.eval('1 + 1')}`);
        } catch (thrown) {
          seen.push((thrown as Error).name);
        }
        void fetch('http://example.com/').catch(() => resolve());
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    return seen.sort();
  });

test('its workers are under the policy too, on a server that sends no header', async ({ browser }) => {
  const server = await serveBuilt('/studio/');
  const context = await browser.newContext({ serviceWorkers: 'allow' });
  const page = await context.newPage();
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await page.goto(server.url);
  await page.waitForFunction(() => window.crossOriginIsolated); // loaded again, behind the service worker
  await expect.poll(() => engineWorker(page)?.url()).toMatch(/^blob:/);
  expect(await refusedIn(engineWorker(page))).toEqual(['EvalError', 'connect-src', 'script-src']);
  // one that comes from its address, as the runtime's threads do
  const [own] = await Promise.all([
    page.waitForEvent('worker'),
    page.evaluate(async () => {
      const { page: files } = (await (await fetch('offline.json')).json()) as { page: readonly string[] };
      const loader = files.find((path) => /ort-wasm[^/]*\.js$/.test(path))!;
      new Worker(new URL(loader, document.baseURI), { type: 'module' });
    }),
  ]);
  expect(await refusedIn(own)).toEqual(['EvalError', 'connect-src', 'script-src']);
  await context.close();
  await server.close();
});

test('the licences of all that the page holds are a click away', async ({ page }) => {
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await page.goto('./');
  await page.getByTestId('help').click();
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.getByTestId('third-party-licenses').click()]);
  const text = (await popup.locator('body').textContent())!;
  // of the page, of its worker, of its font and of the runtime's bundle
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
  const notInThePage = ['onnxruntime-node', 'jpeg-js', 'pngjs', 'tsx'];
  for (const [name, version] of Object.entries(manifest.dependencies))
    expect(text.includes(`${name} ${version} (`), name).toBe(!notInThePage.includes(name));
  for (const words of ['Microsoft Corporation', 'SIL OPEN FONT LICENSE', 'Apache License', 'Mozilla Public License'])
    expect(text.toLowerCase()).toContain(words.toLowerCase());
});
