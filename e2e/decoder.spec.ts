/** The decoder's blocks in the page: mapped, switched off without a run of the denoiser, in the address, exported. */
import { readFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { unzipSync } from 'fflate';
import { readModel } from '../src/onnx/readModel';
import { bothDone, cell, clipHash, counters, metric, visit, watchErrors } from './studioPage';

test('blocks of the decoder change the frames of the same latents, in the same sessions', async ({ page }) => {
  const errors = watchErrors(page);
  await visit(page, { steps: 2 });
  await bothDone(page);
  const before = { student: await clipHash(page, 'student'), counted: await counters(page) };
  await page.getByTestId('component').locator('[data-value=decoder]').click();
  await expect(page.getByTestId('block-map')).toHaveAccessibleName('Blocks of the decoder');
  await page.getByTestId('preset-vdmini-decoder').click();
  await expect(cell(page, 'decoder/mid_block')).toHaveAttribute('data-state', 'off');
  await expect(cell(page, 'decoder/up_blocks.3.resnets.1')).toHaveAttribute('data-state', 'off');
  await bothDone(page);
  expect(await clipHash(page, 'student')).not.toBe(before.student);
  expect(await metric(page, 'ssim')).toBeLessThan(1);
  const after = await counters(page);
  expect(after.denoiserRuns).toBe(before.counted.denoiserRuns);
  expect(after.sessionsCreated).toBe(before.counted.sessionsCreated);
  // AutoencoderKL's own counts: 534,699 in all, 164,992 in the mid block, 4,704 in the resnet.
  await expect(page.getByTestId('total-parameters-teacher')).toHaveAttribute('data-value', '534699');
  await expect(page.getByTestId('total-parameters-student')).toHaveAttribute('data-value', '365003');
  await expect(page.getByTestId('total-step-time-share')).toContainText('%', { timeout: 120_000 }); // measured in pairs
  expect((await counters(page)).denoiserRuns).toBe(before.counted.denoiserRuns);
  await expect(page.getByTestId('clip-time')).toContainText('decoder');
  expect(page.url()).toContain('plan=decoder/mid_block,decoder/up_blocks.3.resnets.1');

  // The plan is of the whole pipeline: a block of the denoiser joins it, and a reload brings both back.
  await page.getByTestId('component').locator('[data-value=denoiser]').click();
  await cell(page, 'mid_block').click();
  await bothDone(page);
  await page.reload();
  await bothDone(page);
  await expect(cell(page, 'mid_block')).toHaveAttribute('data-state', 'off');
  await page.getByTestId('component').locator('[data-value=decoder]').click();
  await expect(cell(page, 'decoder/mid_block')).toHaveAttribute('data-state', 'off');

  expect(errors).toEqual([]);
});

test('the decoder alone is exported, and a zip has both graphs', async ({ page }) => {
  await visit(page, { steps: 1, path: './#plan=mid_block,decoder/mid_block' });
  await bothDone(page);
  const exported = async (format: string, component?: string) => {
    await page.getByTestId(`format-${format}`).check();
    if (component) await page.getByTestId('export-component').locator(`[data-value=${component}]`).click();
    await page.getByTestId('export-run').click();
    const result = page.getByTestId('export-result');
    await expect(result).toHaveAttribute('data-current', 'true', { timeout: 120_000 });
    await expect(result).toContainText('Verified');
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('export-download').click()]);
    return { name: file.suggestedFilename(), bytes: new Uint8Array(await readFile(await file.path())) };
  };
  const weights = (bytes: Uint8Array) => [...readModel(bytes).graph.initializers.keys()].join(' ');
  await page.getByTestId('export-open').click();
  const decoder = await exported('onnx', 'decoder');
  expect(decoder.name).toMatch(/-decoder-v[\d.]+\.onnx$/);
  expect(weights(decoder.bytes)).not.toContain('mid_block');
  expect(weights(decoder.bytes)).toContain('up_blocks.0');
  const files = unzipSync((await exported('pipeline-zip')).bytes);
  expect(weights(files['vae_decoder/model.onnx']!)).toBe(weights(decoder.bytes));
  expect(weights(files['unet/model.onnx']!)).not.toContain('mid_block');
});
