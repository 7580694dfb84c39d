/** A denoiser that runs in milliseconds, for tests of the page: residual convolutions on 4 frames of 8x8. */
import { expect, type Page } from '@playwright/test';
import { buildModel, type GraphBuilder } from '../src/onnx/testing/buildModel';
import { writeModel } from '../src/onnx/writeModel';
import { bothDone, cell } from './studioPage';

const channels = 4;

const denoiser = (scaleOf: (b: GraphBuilder, timestep: string) => string): Uint8Array =>
  writeModel(
    buildModel((b) => {
      const sample = b.input('sample', [1, channels, 4, 8, 8]);
      const timestep = b.input('timestep', [1], 'float32');
      const scale = scaleOf(b, timestep);
      const conv = (x: string, path: string) =>
        b.op(
          'Conv',
          [x, b.weight(`${path}.weight`, [channels, channels, 1, 3, 3])],
          { pads: [0, 1, 1, 0, 1, 1] },
          { name: `/${path}/Conv` },
        );
      let x = b.op('Add', [conv(sample, 'conv_in'), scale], {}, { name: '/conv_in/Add' });
      for (let block = 0; block < 3; block++) {
        const inner = b.op('Sigmoid', [conv(x, `blocks.${block}.conv`)], {}, { name: `/blocks.${block}/Sigmoid` });
        x = b.op('Add', [x, inner], {}, { name: `/blocks.${block}/Add` });
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

const perStep = (b: GraphBuilder, timestep: string): string =>
  b.op('Mul', [timestep, b.weight('per_step', [1], [1e-4])], {}, { name: '/time/Mul' });

export const tinyModel = denoiser(perStep);

/** The same with a loop of a thousand million million rounds in it: it opens like any other, and no call of it comes back. */
export const spinningModel = denoiser((b, timestep) => {
  const body = buildModel((inner) => {
    inner.input('round', [], 'int64');
    inner.input('go', [], 'bool');
    inner.input('before', [1]);
    inner.output(inner.op('Identity', ['go'], {}, { outputs: ['go_on'] }));
    inner.output(inner.op('Sigmoid', ['before'], {}, { outputs: ['after'] }));
  }).graph;
  return b.op('Loop', [b.ints('rounds', 1e15), '', perStep(b, timestep)], { body }, { name: '/time/Loop' });
});

/** Begins to open one of them by its file. */
export async function chooseTiny(page: Page, model = tinyModel, name = 'tiny.onnx'): Promise<void> {
  await page.getByTestId('open-model').click();
  await page
    .getByTestId('files-input')
    .setInputFiles({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(model) });
}

/** Opens it by its file and waits for both clips. */
export async function openTiny(page: Page): Promise<void> {
  await chooseTiny(page);
  await expect(cell(page, 'blocks.1')).toBeVisible({ timeout: 60_000 });
  await bothDone(page);
}
