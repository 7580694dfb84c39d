/** A denoiser in one breath, for tests: convolutions in space and time, group norm, SiLU, resizing, attention, GELU. */
import type { Model } from '../../../onnx/model';
import { buildModel, type GraphBuilder } from '../../../onnx/testing/buildModel';

/** x [2, 4, 3, 8, 8] -> y [128, 3, 4]. Weights end in .weight and .bias. */
export function smallDenoiser(): Model {
  return buildModel((b) => {
    b.input('x', [2, 4, 3, 8, 8]);
    const frames = reshaped(b, b.op('Transpose', ['x'], { perm: [0, 2, 1, 3, 4] }), [6, 4, 8, 8]);
    const entry = b.op('Conv', [frames, b.weight('in.weight', [16, 4, 3, 3]), b.weight('in.bias', [16])], {
      pads: [1, 1, 1, 1],
    });
    const tokens = reshaped(b, b.op('Transpose', [time(b, space(b, entry))], { perm: [0, 3, 4, 2, 1] }), [128, 3, 16]);
    b.op('MatMul', [widened(b, attended(b, tokens)), b.weight('out.weight', [32, 4])], {}, { outputs: ['y'] });
    b.output('y', [128, 3, 4]);
  });
}

function reshaped(b: GraphBuilder, x: string, shape: readonly number[]): string {
  return b.op('Reshape', [x, b.ints(`shape ${shape.join()}`, shape)]);
}

/** Group norm as exporters write it, SiLU, halved and doubled again. */
function space(b: GraphBuilder, x: string): string {
  const parts = [reshaped(b, x, [6, 4, -1]), b.weight('ones', [4], [1, 1, 1, 1]), b.weight('zeros', [4], [0, 0, 0, 0])];
  const normal = reshaped(b, b.op('InstanceNormalization', parts), [6, 16, 8, 8]);
  const scaled = b.op('Add', [
    b.op('Mul', [normal, b.weight('norm.weight', [16, 1, 1])]),
    b.weight('norm.bias', [16, 1, 1]),
  ]);
  const silu = b.op('Mul', [scaled, b.op('Sigmoid', [scaled])]);
  const down = b.op('Conv', [silu, b.weight('down.weight', [16, 16, 3, 3])], { pads: [1, 1, 1, 1], strides: [2, 2] });
  const nearest = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  return b.op('Add', [b.op('Resize', [down, '', b.weight('scales', [4], [1, 1, 2, 2])], nearest), x]);
}

function time(b: GraphBuilder, x: string): string {
  const video = b.op('Transpose', [reshaped(b, x, [2, 3, 16, 8, 8])], { perm: [0, 2, 1, 3, 4] });
  const pads = [1, 0, 0, 1, 0, 0];
  return b.op('Add', [
    video,
    b.op('Conv', [video, b.weight('time.weight', [16, 16, 3, 1, 1]), b.weight('time.bias', [16])], { pads }),
  ]);
}

function attended(b: GraphBuilder, x: string): string {
  const normal = b.op('LayerNormalization', [x, b.weight('layer.weight', [16]), b.weight('layer.bias', [16])], {
    axis: -1,
  });
  const [q, k, v] = ['q', 'k', 'v'].map((name) => {
    const heads = reshaped(b, b.op('MatMul', [normal, b.weight(`${name}.weight`, [16, 16])]), [128, 3, 2, 8]);
    return b.op('Transpose', [heads], { perm: [0, 2, 1, 3] });
  });
  const weights = b.op('Softmax', [b.op('MatMul', [q!, b.op('Transpose', [k!], { perm: [0, 1, 3, 2] })])], {
    axis: -1,
  });
  const mixed = b.op('Transpose', [b.op('MatMul', [weights, v!])], { perm: [0, 2, 1, 3] });
  return b.op('Add', [x, reshaped(b, mixed, [128, 3, 16])]);
}

/** A GELU of twice the width. */
function widened(b: GraphBuilder, x: string): string {
  const h = b.op('Add', [b.op('MatMul', [x, b.weight('wide.weight', [16, 32])]), b.weight('wide.bias', [32])]);
  const erf = b.op('Erf', [b.op('Div', [h, b.weight('root', [], [Math.SQRT2])])]);
  return b.op('Mul', [b.op('Mul', [h, b.op('Add', [erf, b.weight('one', [], [1])])]), b.weight('half', [], [0.5])]);
}
