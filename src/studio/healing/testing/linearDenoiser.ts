/** A denoiser without anything between its layers: what a dropped block did, the others can learn exactly. For tests. */
import type { Model } from '../../../onnx/model';
import { buildModel } from '../../../onnx/testing/buildModel';

/** conv_in, two blocks x + conv(x), conv_out; all 1x1, nothing between them. */
export function linearDenoiser(batch: number | string): Model {
  return buildModel(
    (b) => {
      const clip = [batch, 4, 4, 8, 8];
      const sample = b.input('sample', clip);
      b.input('timestep', [batch]);
      const conv = (x: string, path: string) =>
        b.op(
          'Conv',
          [x, b.weight(`${path}.weight`, [4, 4, 1, 1, 1])],
          {},
          { name: `/${path.replaceAll('.', '/')}/Conv` },
        );
      let x = conv(sample, 'conv_in');
      for (const path of ['blocks.0', 'blocks.1']) x = b.op('Add', [x, conv(x, path)], {}, { name: `/${path}/Add` });
      b.op(
        'Conv',
        [x, b.weight('conv_out.weight', [4, 4, 1, 1, 1])],
        {},
        { name: '/conv_out/Conv', outputs: ['out_sample'] },
      );
      b.output('out_sample', clip);
    },
    { opset: 18 },
  );
}
