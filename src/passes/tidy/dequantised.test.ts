/**
 * Weights in 8 bits, folded, against the runtime's own DequantizeLinear. Not before a MatMul: there the runtime would round the
 * data to 8 bits as well.
 */
import { Tensor as Value } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../onnx/model';
import { buildModel, floatTensor } from '../../onnx/testing/buildModel';
import { runOnce } from '../testing/runModel';
import { tidy } from './tidy';

const sizes = { bindings: new Map([['batch', 2]]), free: new Set(['batch']), batch: 2 };
const bytes = (name: string, dataType: 'int8' | 'uint8', dims: readonly number[]): Tensor => ({
  name,
  dataType,
  dims,
  data: {
    kind: 'inline',
    bytes: Uint8Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => (i * 89 + 200) % 256),
  },
});

describe.each([
  { stored: 'int8', scales: 3, axis: 1, zero: false },
  { stored: 'int8', scales: 4, axis: 0, zero: true },
  { stored: 'uint8', scales: 3, axis: -1, zero: true },
  { stored: 'uint8', scales: 1, axis: 1, zero: false },
] as const)('$stored, $scales scales on axis $axis, zero point: $zero', ({ stored, scales, axis, zero }) => {
  const dims = scales === 1 ? [] : [scales];
  const model = buildModel((b) => {
    const values = Array.from({ length: scales }, (_, i) => 0.01 * (i + 1));
    const inputs = [b.tensor(bytes('w', stored, [4, 3])), b.tensor(floatTensor('w_scale', dims, values))];
    if (zero) inputs.push(b.tensor(bytes('w_zero_point', stored, dims)));
    const weight = b.op('DequantizeLinear', inputs, { axis });
    b.op('Mul', [b.input('x', ['batch', 4, 3]), weight], {}, { outputs: ['y'] });
    b.output('y', ['batch', 4, 3]);
  });

  it('becomes the same numbers in float32', async () => {
    const after = tidy(model, sizes);
    expect(after.graph.nodes.map(({ opType }) => opType)).toEqual(['Mul']);
    const feeds = {
      x: new Value(
        'float32',
        Float32Array.from({ length: 24 }, (_, i) => i - 7),
        [2, 4, 3],
      ),
    };
    const [expected, made] = await Promise.all([model, after].map((one) => runOnce(one, feeds)));
    expect(made).toEqual(expected);
  });
});
