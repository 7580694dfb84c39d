/** A small denoiser with attention, for tests of exports: four residual blocks, each attention and a feed-forward part. */
import type { Model } from '../../onnx/model';
import { buildModel } from '../../onnx/testing/buildModel';

/** sample [1, 4, 2, 4, 4]; weights of block i are `blocks.i.{q,k,v,o,up,down}.weight`. */
export function attentionModel(width = 16): Model {
  return buildModel((b) => {
    const sample = b.input('sample', [1, 4, 2, 4, 4]);
    b.input('timestep', [1]);
    const tokens = b.op('Transpose', [b.op('Reshape', [sample, b.ints('to tokens', [1, 4, 32])])], { perm: [0, 2, 1] });
    const linear = (x: string, path: string, from: number, to: number) =>
      b.op('MatMul', [x, b.weight(`${path}.weight`, [from, to])], {}, { name: `/${path.replaceAll('.', '/')}/MatMul` });
    let x = linear(tokens, 'proj_in', 4, width);
    for (let i = 0; i < 4; i++) {
      const at = (name: string) => `/blocks.${i}/${name}`;
      const [q, k, v] = ['q', 'k', 'v'].map((name) =>
        b.op(
          'MatMul',
          [x, b.weight(`blocks.${i}.${name}.weight`, [width, width])],
          {},
          { name: at(`attn/${name}/MatMul`) },
        ),
      );
      const scores = b.op(
        'Softmax',
        [
          b.op(
            'MatMul',
            [q!, b.op('Transpose', [k!], { perm: [0, 2, 1] }, { name: at('attn/Transpose') })],
            {},
            { name: at('attn/MatMul') },
          ),
        ],
        {},
        { name: at('attn/Softmax') },
      );
      const mixed = b.op('MatMul', [scores, v!], {}, { name: at('attn/MatMul_1') });
      const attended = b.op(
        'MatMul',
        [mixed, b.weight(`blocks.${i}.o.weight`, [width, width])],
        {},
        { name: at('attn/o/MatMul') },
      );
      const middle = b.op('Add', [x, attended], {}, { name: at('Add') });
      const up = b.op(
        'Relu',
        [
          b.op(
            'MatMul',
            [middle, b.weight(`blocks.${i}.up.weight`, [width, 2 * width])],
            {},
            { name: at('ff/up/MatMul') },
          ),
        ],
        {},
        { name: at('ff/Relu') },
      );
      const down = b.op(
        'MatMul',
        [up, b.weight(`blocks.${i}.down.weight`, [2 * width, width])],
        {},
        { name: at('ff/down/MatMul') },
      );
      x = b.op('Add', [middle, down], {}, { name: at('Add_1') });
    }
    const flat = b.op('Transpose', [linear(x, 'proj_out', width, 4)], { perm: [0, 2, 1] });
    b.op('Reshape', [flat, b.ints('to clip', [1, 4, 2, 4, 4])], {}, { name: '/Reshape_1', outputs: ['out_sample'] });
    b.output('out_sample', [1, 4, 2, 4, 4]);
  });
}
