/** The check of ids in the page: an id that is wrong because of the file's names is found, and a check can be stopped. */
import { expect, type Page, test } from '@playwright/test';
import { buildModel } from '../src/onnx/testing/buildModel';
import { writeModel } from '../src/onnx/writeModel';
import { bothDone, cell, visit, watchErrors } from './studioPage';

const channels = 4;

/**
 * Residual blocks. `mixer_1` is a module of its own in a file whose weights have lost their names, and is taken for the
 * second call of `mixer`: a cut called `mixer` removes both. `gate` ends in an activation, which is not zero at zero.
 */
const misnamed = writeModel(
  buildModel((b) => {
    const sample = b.input('sample', [1, channels, 4, 8, 8]);
    b.input('timestep', [1], 'float32');
    let weights = 0;
    const conv = (x: string, path: string) =>
      b.op(
        'Conv',
        [x, b.weight(`onnx::Conv_${weights++}`, [channels, channels, 1, 3, 3])],
        { pads: [0, 1, 1, 0, 1, 1] },
        { name: `${path}/Conv` },
      );
    let x = conv(sample, '/conv_in');
    for (const block of ['mixer', 'mixer_1', 'tail', 'gate']) {
      const inner = conv(x, `/${block}/conv`);
      const end = block === 'gate' ? b.op('Sigmoid', [inner], {}, { name: `/${block}/Sigmoid` }) : inner;
      x = b.op('Add', [x, end], {}, { name: `/${block}/Add` });
    }
    b.op(
      'Conv',
      [x, b.weight('conv_out.weight', [channels, channels, 1, 1, 1])],
      {},
      { name: '/conv_out/Conv', outputs: ['out_sample'] },
    );
    b.output('out_sample', [1, channels, 4, 8, 8]);
  }),
);

const outcome = (page: Page) => page.getByTestId('id-check-outcome');

test('an id that names less than its cut removes is found, on the map and in words', async ({ page }) => {
  const errors = watchErrors(page);
  await page.route('**/models/emoji-t2v/**', (route) => route.abort());
  await visit(page, { steps: 1 });
  await page.getByTestId('open-model').click();
  await page
    .getByTestId('files-input')
    .setInputFiles({ name: 'named.onnx', mimeType: 'application/octet-stream', buffer: Buffer.from(misnamed) });
  await expect(cell(page, 'tail')).toBeVisible({ timeout: 60_000 });
  await page.getByTestId('id-check-run').click();
  await expect(outcome(page)).toHaveAttribute('data-whole', 'true', { timeout: 60_000 });
  await expect(outcome(page)).toHaveText('2 right, 2 wrong (mixer, mixer.conv), 2 cannot be told');
  await expect(cell(page, 'mixer')).toHaveAttribute('data-id-verdict', 'wrong');
  await expect(cell(page, 'tail')).toHaveAttribute('data-id-verdict', 'right');
  await expect(cell(page, 'gate')).toHaveAttribute('data-id-verdict', 'open');
  await expect(cell(page, 'mixer')).toHaveAccessibleName(/Its id is wrong/);
  await cell(page, 'mixer').hover();
  await expect(page.getByTestId('details-id-verdict')).toContainText('removes something else');
  await page.getByTestId('id-check-clear').click();
  await expect(outcome(page)).toHaveCount(0);
  await expect(cell(page, 'mixer')).not.toHaveAttribute('data-id-verdict', /./);
  expect(errors).toEqual([]);
});

test('a check gives way, is stopped, and keeps what it found', async ({ page }) => {
  const errors = watchErrors(page);
  await visit(page, { steps: 1 });
  await bothDone(page);
  await page.getByTestId('id-check-run').click();
  await expect(page.getByTestId('id-check-progress')).toHaveText(/^([2-9]|[1-9]\d+) of \d+$/, { timeout: 90_000 });
  await cell(page, 'mid_block.attentions.0').click(); // an edit in between is drawn at once
  await expect(page.getByTestId('student-standing')).toHaveAttribute('data-standing', 'done', { timeout: 60_000 });
  await page.getByTestId('id-check-cancel').click();
  await expect(page.getByTestId('id-check-run')).toHaveText('Check again');
  await expect(outcome(page)).toHaveAttribute('data-whole', 'false');
  await expect(outcome(page)).toContainText('0 wrong');
  await expect(page.locator('[data-id-verdict="right"]').first()).toBeVisible();
  expect(errors).toEqual([]);
});
