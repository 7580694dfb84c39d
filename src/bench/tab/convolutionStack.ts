/** What the layout of convolutions is measured with: the larger half of a video U-Net's work, at any width and size. */
import type { Model } from '../../onnx/model';
import { buildModel } from '../../onnx/testing/buildModel';

export interface StackSize {
  readonly width: number;
  /** Height and width of the latents. */
  readonly side: number;
  readonly frames: number;
  readonly blocks: number;
}

const GROUPS = 32;

/**
 * x [1, width, 1, 1] -> y [frames, width, 1, 1], so that next to nothing crosses to the device and back. A block is a norm by groups, SiLU and a convolution around which the
 * input is added, then a product over tokens around which it is added too, as exporters write them.
 */
export function convolutionStack({ width, side, frames, blocks }: StackSize): Model {
  const shape = [frames, width, side, side];
  return buildModel((b) => {
    const x = b.input('x', [1, width, 1, 1]);
    const [groups, pictures] = [b.ints('groups', [frames, GROUPS, -1]), b.ints('pictures', shape)];
    const [rows, lastAxis] = [
      b.ints('rows', [frames, side * side, width]),
      b.ints('last', [frames, side, side, width]),
    ];
    let value = b.op('Expand', [x, pictures]);
    const ones = b.weight('ones', [GROUPS], new Float32Array(GROUPS).fill(1));
    const zeros = b.weight('zeros', [GROUPS], new Float32Array(GROUPS));
    for (let block = 0; block < blocks; block++) {
      const grouped = b.op('Reshape', [value, groups]);
      const normed = b.op('Reshape', [b.op('InstanceNormalization', [grouped, ones, zeros]), pictures]);
      const scaled = b.op('Mul', [normed, b.weight(`${block}.scale`, [width, 1, 1])]);
      const moved = b.op('Add', [scaled, b.weight(`${block}.shift`, [width, 1, 1])]);
      const active = b.op('Mul', [moved, b.op('Sigmoid', [moved])]);
      const kernel = [b.weight(`${block}.kernel`, [width, width, 3, 3]), b.weight(`${block}.bias`, [width])];
      const convolved = b.op('Conv', [active, ...kernel], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
      const resnet = b.op('Add', [value, convolved]);
      const tokens = b.op('Reshape', [b.op('Transpose', [resnet], { perm: [0, 2, 3, 1] }), rows]);
      const product = b.op('MatMul', [tokens, b.weight(`${block}.product`, [width, width])]);
      const back = b.op('Transpose', [b.op('Reshape', [product, lastAxis])], { perm: [0, 3, 1, 2] });
      value = b.op('Add', [resnet, back]);
    }
    b.op('ReduceMean', [value], { axes: [2, 3], keepdims: 1 }, { outputs: ['y'] });
    b.output('y', [frames, width, 1, 1]);
  });
}
