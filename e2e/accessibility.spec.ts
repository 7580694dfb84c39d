/** No serious finding of axe in any state; no text under 11 px, no target under 24 px, nothing cut at any size. */
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { bothDone, cell } from './studioPage';
import { openTiny } from './tinyModel';

const tabs = ['compare', 'importance', 'plan', 'heal', 'shelf', 'grid'] as const;

test.use({ reducedMotion: 'reduce' } as never);

test.beforeEach(({ page }) => page.route('**/models/emoji-t2v/**', (route) => route.abort()));

async function expectNoFindings(page: Page, state: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(
    serious.map(({ id, nodes }) => `${state}: ${id} ${nodes.map(({ target }) => target.join(' ')).join(', ')}`),
  ).toEqual([]);
  await expectNames(page, state);
}

/** Every chart, picture and table has a name that no other has, every cell of a table a row and a column that have one. */
async function expectNames(page: Page, state: string): Promise<void> {
  const found = await page.evaluate(() => {
    const shown = [...document.querySelectorAll<HTMLElement>('[role=img], svg[role=group], table')].filter((element) =>
      element.checkVisibility({ visibilityProperty: true }),
    );
    const tables = shown.filter((element) => element instanceof HTMLTableElement);
    const names = shown.map((element) => {
      const caption = element instanceof HTMLTableElement ? element.caption?.textContent : null;
      return (element.getAttribute('aria-label') ?? caption ?? '').trim();
    });
    const headless = tables.flatMap((table) => {
      const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
      return [...(table.tBodies[0]?.rows ?? [])]
        .filter((row) => row.cells.length > heads.length || row.cells[0]?.tagName !== 'TH' || !row.cells[0].textContent)
        .concat(heads.every((head) => head.textContent || head.ariaLabel) ? [] : [table.rows[0]!])
        .map((row) => row.outerHTML.slice(0, 100));
    });
    const twice = names.filter((name, i) => name !== '' && names.indexOf(name) !== i);
    return {
      unnamed: shown.filter((_, i) => names[i] === '').map((one) => one.outerHTML.slice(0, 100)),
      twice,
      headless,
    };
  });
  expect({ state, ...found }).toEqual({ state, unnamed: [], twice: [], headless: [] });
}

/** What is tapped and is less than 24 px high, with the label that it is tapped by. */
const lowTargets = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('button, select, summary, input:not([type=file]), textarea')]
      .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
      .filter((element) =>
        [element, element.closest('label')].every((it) => (it?.getBoundingClientRect().height ?? 0) < 23.9),
      )
      .map((element) => element.outerHTML.slice(0, 100)),
  );

/** Charts follow a new size one frame later. */
const expectNoSideways = (page: Page, message: string): Promise<void> =>
  expect
    .poll(() => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), {
      message,
      timeout: 5000,
    })
    .toBeLessThanOrEqual(0);

test('axe finds nothing serious in any state', async ({ page }) => {
  await page.goto('./#steps=2&guidance=1');
  await expect(page.getByTestId('error-panel')).toBeVisible();
  await expectNoFindings(page, 'error, nothing open');
  await page.getByTestId('error-dismiss').click();
  await expectNoFindings(page, 'empty');
  await openTiny(page);
  await expectNoFindings(page, 'done');
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  await page.getByTestId('metrics-details').click();
  await expectNoFindings(page, 'cut, with all figures');
  await page.getByTestId('tab-importance').click();
  await page.getByTestId('analyze-start').click();
  await expect(page.getByTestId('damage-chart')).toHaveAttribute('data-units', '3');
  await expectNoFindings(page, 'importance');
  await page.getByTestId('tab-plan').click();
  await page.getByTestId('plan-start').click();
  await expect(page.getByTestId('plan-status')).toContainText('Found after');
  await expectNoFindings(page, 'plan for a budget');
  await page.getByTestId('tab-compare').click();
  await page.getByTestId('rerun-mode').click();
  await page.getByTestId('steps').fill('1000');
  await page.getByTestId('steps').blur();
  await expectNoFindings(page, 'stale');
  await page.getByTestId('generate').click();
  await expect(page.getByTestId('cancel-run')).toBeVisible();
  await expectNoFindings(page, 'running');
  // so small a model may be through its steps before axe is
  await page
    .getByTestId('cancel-run')
    .click({ timeout: 1000 })
    .catch(() => undefined);
  for (const view of ['wipe', 'difference']) {
    await page.getByTestId('view').locator(`[data-value=${view}]`).click();
    await expectNoFindings(page, view);
  }
  for (const [button, dialog] of [
    ['open-model', 'open-panel'],
    ['export-open', 'export-panel'],
    ['help', 'help-dialog'],
  ] as const) {
    await page.getByTestId(button).click();
    await expect(page.getByTestId(dialog)).toBeVisible();
    await expectNoFindings(page, dialog);
    await page.keyboard.press('Escape');
  }
  await page.getByTestId('save-clip').click();
  await expectNoFindings(page, 'saving a clip');
  await page.getByTestId('backend-badge').click();
  await expectNoFindings(page, 'backend');
});

test('axe finds nothing serious while jobs run and in what they leave, they are announced, and no panel is cut', async ({
  page,
}) => {
  await page.goto('./#steps=200&guidance=1'); // many steps: each job is paused before it is through
  await openTiny(page);
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  await page.getByTestId('keep').click();
  const announced = (text: string) => expect(page.getByTestId('announcer')).toContainText(text);
  const paused = async (tab: string, job: string) => {
    await page.getByTestId(`tab-${tab}`).click();
    await page.getByTestId(`${job}-start`).click();
    await page.getByTestId(`${job}-pause`).click();
    await expect(page.getByTestId(`${job}-pause`)).toHaveText('Go on');
    await expectNoFindings(page, `${job}, paused`);
  };
  await paused('importance', 'analyze');
  await announced('Measuring which blocks matter has begun.');
  await page.getByTestId('analyze-stop').click();
  await announced('Measuring was stopped');
  await paused('heal', 'heal');
  await announced('Healing has begun.');
  await page.getByTestId('heal-pause').click();
  await expect(page.getByTestId('heal-chart')).toBeVisible();
  await expectNoFindings(page, 'healing');
  await page.getByTestId('heal-stop').click();
  await expect(page.getByTestId('heal-outcome')).toBeVisible();
  await expectNoFindings(page, 'healed');
  await page.getByTestId('tab-grid').click();
  await page.getByTestId('grid-seeds').fill('64');
  await page.getByTestId('grid-seeds').press('Enter');
  await paused('grid', 'grid');
  await announced('takes has begun.');
  await page.getByTestId('grid-pause').click();
  await expect(page.getByTestId('grid-take').first()).toBeVisible();
  await page.getByTestId('grid-stop').click();
  await announced('Measuring takes was stopped');
  await page.getByTestId('id-check-run').click();
  await expect(page.getByTestId('id-check-outcome')).toHaveAttribute('data-whole', 'true');
  await expectNoFindings(page, 'ids checked');
  await page.getByTestId('export-open').click();
  await page.getByTestId('export-run').click();
  await expect(page.getByTestId('export-result')).toHaveAttribute('data-current', 'true');
  await announced('The student is exported.');
  await expectNoFindings(page, 'exported');
  await page.keyboard.press('Escape');
  for (const [width, height] of [
    [390, 844],
    [720, 450],
    [1024, 768],
  ] as const) {
    await page.setViewportSize({ width, height });
    for (const tab of tabs) {
      await page.getByTestId(`tab-${tab}`).click();
      await expectNoSideways(page, `${tab} at ${width}`);
      expect(await lowTargets(page), `${tab} at ${width}`).toEqual([]);
    }
    await page.getByTestId('export-open').click();
    const hidden = () => page.getByTestId('export-panel').evaluate((it) => it.scrollWidth - it.clientWidth);
    await expect.poll(hidden, { message: `export at ${width}`, timeout: 5000 }).toBeLessThanOrEqual(0);
    await page.keyboard.press('Escape');
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.getByTestId('open-model').click();
  await page.getByTestId('files-input').setInputFiles('public/models/emoji-t2v/vae_decoder/model.onnx');
  await expect(page.getByTestId('open-without-running')).toBeVisible();
  await expectNoFindings(page, 'refused');
});

test('many seeds with every picture: axe finds nothing serious while they run and in what they leave, at 390 px too', async ({
  page,
}) => {
  test.setTimeout(480_000); // twelve takes of two clips each, and axe six times
  await page.goto('./#model=emoji-i2v');
  await bothDone(page);
  await cell(page, 'mid_block').click();
  await bothDone(page);
  await page.getByTestId('tab-grid').click();
  await page.getByTestId('grid-pictures').click();
  await expect(page.getByTestId('grid-pictures')).toBeChecked(); // once the pictures are read
  await page.getByTestId('grid-seeds').fill('2');
  await page.getByTestId('grid-seeds').press('Enter');
  await expectNoFindings(page, 'many seeds, asked for');
  await page.getByTestId('grid-start').click();
  await expect(page.getByTestId('grid-take').first()).toBeVisible();
  await page.getByTestId('grid-pause').click();
  await expect(page.getByTestId('grid-pause')).toHaveText('Go on');
  await expectNoFindings(page, 'many seeds, paused');
  await page.getByTestId('grid-pause').click();
  await expectNoFindings(page, 'many seeds, running');
  const takes = page.getByTestId('grid-take');
  await expect(page.getByTestId('grid-start')).toBeVisible({ timeout: 120_000 });
  const opens = await page.getByTestId('grid-open').evaluateAll((all) => all.map((one) => one.ariaLabel));
  expect(opens.length).toBe(await takes.count());
  expect([opens.length % 2, new Set(opens).size]).toEqual([0, opens.length]);
  for (const [width, height] of [
    [1440, 900],
    [390, 844],
  ] as const) {
    await page.setViewportSize({ width, height });
    await expectNoFindings(page, `many seeds, measured, at ${width}`);
    await expectNoSideways(page, `at ${width}`);
  }
});

test('the bundled models’ maps: axe finds nothing serious, and all of each is seen from 1024x768 on, the hint included', async ({
  page,
}) => {
  await page.unroute('**/models/emoji-t2v/**');
  for (const model of ['emoji-t2v', 'emoji-i2v']) {
    await page.goto('about:blank');
    await page.goto(`./#model=${model}`);
    await expect(page.getByTestId('first-hint')).toBeVisible();
    await expect(page.getByTestId('id-check')).toBeVisible(); // the last line under the map
    for (const [width, height] of [
      [1440, 900],
      [1024, 900],
      [1024, 768],
    ] as const) {
      await page.setViewportSize({ width, height });
      const hidden = () => page.getByTestId('block-map').evaluate((map) => map.scrollHeight - map.clientHeight);
      await expect.poll(hidden, { message: `${model} at ${width}`, timeout: 5000 }).toBeLessThanOrEqual(0);
    }
    await expectNoFindings(page, model);
  }
});

test('every size shows everything, in letters and targets that are large enough', async ({ page }) => {
  await page.goto('./#steps=2&guidance=1');
  await openTiny(page);
  await cell(page, 'blocks.1').click();
  await bothDone(page);
  await page.getByTestId('metrics-details').click();
  const names = await page
    .getByTestId('block-cell')
    .evaluateAll((cells) => cells.map((at) => at.getAttribute('aria-label')!.replace(/, [\d.]+\s%.*/, '')));
  expect(new Set(names).size).toBe(names.length);
  for (const [width, height] of [
    [390, 844],
    [720, 450], // 1440x900 at 200 %
    [1024, 768],
    [1440, 900],
    [2560, 1440],
  ] as const) {
    await page.setViewportSize({ width, height });
    await expectNoSideways(page, `sideways scrolling at ${width}`);
    const found = await page.evaluate(() => {
      const visible = (element: Element) =>
        element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
      const cut = [...document.querySelectorAll('button, input, select, td, .value, .verdict')]
        .filter(visible)
        .filter((element) => {
          const { left, right } = element.getBoundingClientRect();
          return right > window.innerWidth + 1 || left < -1;
        })
        .map((element) => element.outerHTML.slice(0, 100));
      const small = [...document.querySelectorAll('body *')]
        .filter((element) =>
          [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim() !== ''),
        )
        .filter((element) => visible(element) && Number.parseFloat(getComputedStyle(element).fontSize) < 11)
        .map((element) => element.outerHTML.slice(0, 100));
      const tight = [...document.querySelectorAll('button, select, [role=slider]')]
        .filter(visible)
        .filter((element) => {
          const box = element.getBoundingClientRect();
          return box.height < 23.9 || (box.width < 23.9 && !element.closest('.filmstrip, .wipe'));
        })
        .map((element) => element.outerHTML.slice(0, 100));
      return { cut, small, tight };
    });
    expect({ width, ...found }).toEqual({ width, cut: [], small: [], tight: [] });
  }
});
