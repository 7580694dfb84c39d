/** Files that cannot be opened: each says what is wrong with it, and the model, plan and clips that are there stay. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, type Page, test } from '@playwright/test';
import { memorySource } from '../src/onnx/memorySource';
import { packModel } from '../src/onnx/packModel';
import { readModel } from '../src/onnx/readModel';
import { buildModel } from '../src/onnx/testing/buildModel';
import { writeModel } from '../src/onnx/writeModel';
import { bothDone, cell, clipHash, counters, visit, watchErrors } from './studioPage';

const teacher = readFileSync('public/models/emoji-t2v/unet/model.onnx');

const unsupported = writeModel(
  buildModel(
    (b) => {
      const sample = b.input('sample', [1, 4, 4, 8, 8]);
      b.input('timestep', [1]);
      const kernel = b.weight('kernel', [4, 4, 1, 3, 3]);
      let x = b.op('Conv', [sample, kernel], { pads: [0, 1, 1, 0, 1, 1] }, { name: '/conv_in/Conv' });
      for (let block = 0; block < 2; block++) {
        const inner = b.op('Conv', [x, kernel], { pads: [0, 1, 1, 0, 1, 1] }, { name: `/blocks.${block}/Conv` });
        x = b.op('Add', [x, inner], {}, { name: `/blocks.${block}/Add` });
      }
      b.op('WarpField', [x], {}, { name: '/warp_out/Warp', domain: 'com.example', outputs: ['out_sample'] });
      b.output('out_sample', [1, 4, 4, 8, 8]);
    },
    {
      opsets: new Map([
        ['', 17],
        ['com.example', 1],
      ]),
    },
  ),
);

async function withExternalWeights(): Promise<Uint8Array> {
  const model = buildModel((b) => {
    const sample = b.input('sample', [1, 4, 4, 8, 8]);
    b.input('timestep', [1]);
    b.op(
      'Conv',
      [sample, b.weight('kernel', [4, 4, 3, 9, 9])],
      { pads: [1, 4, 4, 1, 4, 4] },
      { outputs: ['out_sample'] },
    );
    b.output('out_sample', [1, 4, 4, 8, 8]);
  });
  return (
    await packModel(model, new Map([['unused', memorySource(new Uint8Array())]]), {
      kind: 'external',
      location: 'weights.bin',
    })
  ).modelBytes;
}

const cases: readonly {
  readonly title: string;
  readonly name: string;
  readonly bytes: () => Promise<Uint8Array>;
  readonly code: string;
  readonly says: RegExp;
}[] = [
  {
    title: 'cut in the middle',
    name: 'cut.onnx',
    bytes: async () => teacher.subarray(0, teacher.length / 2),
    code: 'onnx/truncated',
    says: /cut\.onnx|ends/,
  },
  {
    title: 'not ONNX',
    name: 'picture.onnx',
    bytes: async () => new Uint8Array(readFileSync('index.html')),
    code: 'onnx/not-onnx',
    says: /picture\.onnx|ONNX/,
  },
  {
    title: 'weights file missing',
    name: 'big.onnx',
    bytes: withExternalWeights,
    code: 'onnx/missing-external-data',
    says: /weights\.bin/,
  },
  {
    title: 'an operator that the runtime does not have',
    name: 'custom.onnx',
    bytes: async () => unsupported,
    code: 'engine/unsupported-op',
    says: /WarpField/,
  },
];

const drop = (page: Page, name: string, bytes: Uint8Array) =>
  page
    .getByTestId('files-input')
    .setInputFiles({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) });

test('bad files each say what is wrong, and nothing is lost', async ({ page }) => {
  const errors = watchErrors(page);
  await visit(page, { steps: 2 });
  await bothDone(page);
  const id = 'mid_block.attentions.0';
  await cell(page, id).click();
  await bothDone(page);
  const kept = { teacher: await clipHash(page, 'teacher'), student: await clipHash(page, 'student'), url: page.url() };
  const { sessionsLiving } = await counters(page);
  for (const { title, name, bytes, code, says } of cases) {
    await test.step(title, async () => {
      await page.getByTestId('open-model').click();
      await drop(page, name, await bytes());
      const panel = page.getByTestId('error-panel');
      await expect(panel).toHaveAttribute('data-error-code', code, { timeout: 30_000 });
      await expect(page.getByTestId('error-message')).toContainText(says);
      await expect(page.getByTestId('error-remedy')).not.toBeEmpty();
      expect(await clipHash(page, 'teacher')).toBe(kept.teacher);
      expect(await clipHash(page, 'student')).toBe(kept.student);
      expect(page.url()).toBe(kept.url);
      await expect(cell(page, id)).toHaveAttribute('data-state', 'off');
      await page.getByTestId('error-dismiss').click();
      await expect(panel).toHaveCount(0);
      expect((await counters(page)).sessionsLiving).toBe(sessionsLiving);
    });
  }
  await cell(page, id).click(); // the model that stayed open still runs
  await expect(page.getByTestId('student-standing')).toHaveAttribute('data-standing', 'done', { timeout: 60_000 });
  expect(await clipHash(page, 'student')).toBe(kept.teacher);
  expect(errors).toEqual([]);
});

test('a model that the runtime refuses is mapped, pruned and exported all the same', async ({ page }) => {
  const errors = watchErrors(page);
  await visit(page, { steps: 2 });
  await bothDone(page);
  await page.getByTestId('open-model').click();
  await drop(page, 'custom.onnx', unsupported);
  await page.getByTestId('open-without-running').click();
  await expect(page.getByTestId('cannot-run').first()).toContainText('WarpField');
  await expect(page.getByTestId('error-panel')).toHaveCount(0);
  await cell(page, 'blocks.1').click();
  await expect(cell(page, 'blocks.1')).toHaveAttribute('data-state', 'off');
  await page.getByTestId('export-open').click();
  await page.getByTestId('export-run').click();
  const result = page.getByTestId('export-result');
  await expect(result).toHaveAttribute('data-current', 'true', { timeout: 30_000 });
  await expect(result).toContainText('WarpField'); // it says why nothing was compared
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('export-download').click()]);
  const student = readModel(new Uint8Array(await readFile((await download.path())!)));
  expect(student.graph.nodes.map(({ name }) => name)).toEqual([
    '/conv_in/Conv',
    '/blocks.0/Conv',
    '/blocks.0/Add',
    '/warp_out/Warp',
  ]);
  expect(errors).toEqual([]);
});
