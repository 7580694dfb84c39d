/** Final latents of the units that matter, and bounds for the rest that hold what measuring them would have given. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { buildModel } from '../onnx/testing/buildModel';
import { writeModel } from '../onnx/writeModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { measureImportance } from './importance';
import { openPipeline } from './openPipeline';
import { unitsOf } from './units';

const SHAPE = [1, 4, 4, 8, 8];
const gains = [1, 0.5, 0.3, 0.7, 0.4, 0.6, 0.2, 0.8, 0.01, 0.003, 0.001, 1e-4];

const model = buildModel(
  (b) => {
    const sample = b.input('sample', SHAPE);
    b.input('timestep', [1]);
    let x = b.op('Conv', [sample, b.weight('conv_in.weight', [4, 4, 1, 1, 1])], {}, { name: '/conv_in/Conv' });
    for (const [index, gain] of gains.entries()) {
      const node = (op: string) => ({ name: `/blocks.${index}/${op}` });
      const conv = b.op('Conv', [x, b.weight(`blocks.${index}.weight`, [4, 4, 1, 1, 1])], {}, node('Conv'));
      const shaped = b.op('Sin', [conv], {}, node('Sin')); // bounded, and not linear
      x = b.op(
        'Add',
        [x, b.op('Mul', [shaped, b.weight(`blocks.${index}.gain`, [1], [gain])], {}, node('Mul'))],
        {},
        node('Add'),
      );
    }
    const out = { name: '/conv_out/Conv', outputs: ['out_sample'] };
    b.op('Conv', [x, b.weight('conv_out.weight', [4, 4, 1, 1, 1])], {}, out);
    b.output('out_sample', SHAPE);
  },
  { opset: 18 },
);

it('measures those that matter, and bounds the others with calls saved', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'finals-'));
  await writeFile(join(folder, 'model.onnx'), writeModel(model));
  const pipeline = await openPipeline(await nodeFolder(join(folder, 'model.onnx')), nodeRuntime());
  try {
    const clips = [{ prompt: '', seed: 1, steps: 3, guidance: 1 }];
    const units = unitsOf(pipeline.denoiser.tree, 'layers');
    expect(units).toHaveLength(gains.length);
    const whole = await measureImportance(pipeline, units, clips, { final: true, finalAbove: 0 });
    const some = await measureImportance(pipeline, units, clips, { final: true });
    const oneStep = await measureImportance(pipeline, units, [{ ...clips[0]!, steps: 1 }], { final: true });
    expect(oneStep.units.every(({ final }) => final !== null)).toBe(true); // its only output leads there without a call
    expect(whole.units.every(({ final, finalBounds }) => final !== null && finalBounds === null)).toBe(true);
    const bounded = some.units.filter(({ finalBounds }) => finalBounds);
    expect(bounded.map(({ id }) => id)).toEqual([8, 9, 10, 11].map((index) => `blocks.${index}`));
    expect(whole.calls - some.calls).toBe(bounded.length * 2); // two steps of each, the first is shared
    for (const [index, { id, output, final, finalBounds }] of some.units.entries()) {
      const truth = whole.units[index]!.final!.total;
      if (final) expect(final.total, id).toBeCloseTo(truth, 10);
      else {
        expect(truth, id).toBeGreaterThan(finalBounds!.low);
        expect(truth, id).toBeLessThan(finalBounds!.high);
        expect(finalBounds!.high / finalBounds!.low).toBeLessThan(100);
        expect(output.total).toBeLessThan(0.01 * some.units[0]!.output.total);
      }
    }
  } finally {
    await pipeline.release();
    await rm(folder, { recursive: true });
  }
});
