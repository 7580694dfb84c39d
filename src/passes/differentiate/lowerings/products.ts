/** Einsum, fused products and changes of size as transposes, reshapes and matrix products. */
import { present } from '../../../errors/present';
import { elementCount } from '../../../onnx/dataTypes';
import { floatAttribute, intAttribute, intsAttribute, textAttribute } from '../../../onnx/shapes/OpCall';
import type { GraphWriter } from '../GraphWriter';
import type { LoweringCall, Lowerings } from '../Rule';
import { interpolation } from './interpolation';

/** A value with a letter for each axis. */
interface Lettered {
  readonly name: string;
  readonly letters: string;
}

/** Of two operands at most, without a letter twice in one; an ellipsis is not handled. */
function einsum({ w, node, inputs }: LoweringCall): boolean {
  const equation = textAttribute(node, 'equation', '').replaceAll(' ', '');
  const [left, right] = equation.split('->') as [string, string?];
  const terms = left.split(',');
  if (right === undefined || equation.includes('.') || terms.length > 2) return false;
  if (terms.some((term) => new Set(term).size !== term.length)) return false;
  const [a, b] = terms.map(
    (letters, i): Lettered =>
      summed(w, { name: present(inputs[i]), letters }, [...terms.filter((_, k) => k !== i), right].join('')),
  );
  const result = b ? multiplied(w, present(a), b, right) : present(a);
  const perm = [...right].map((letter) => result.letters.indexOf(letter));
  w.transpose(result.name, perm, node.outputs[0]);
  return true;
}

/** Without the axes that nothing else has. */
function summed(w: GraphWriter, { name, letters }: Lettered, elsewhere: string): Lettered {
  const axes = [...letters].flatMap((letter, i) => (elsewhere.includes(letter) ? [] : [i]));
  return { name: w.reduceSum(name, axes, false), letters: [...letters].filter((_, i) => !axes.includes(i)).join('') };
}

function multiplied(w: GraphWriter, a: Lettered, b: Lettered, result: string): Lettered {
  const batch = [...a.letters].filter((letter) => b.letters.includes(letter) && result.includes(letter));
  const inner = [...a.letters].filter((letter) => b.letters.includes(letter) && !result.includes(letter));
  const rows = [...a.letters].filter((letter) => !b.letters.includes(letter));
  const columns = [...b.letters].filter((letter) => !a.letters.includes(letter));
  const size = new Map(
    [a, b].flatMap(({ name, letters }) =>
      [...letters].map((letter, i) => [letter, present(w.shape(name)[i])] as const),
    ),
  );
  const sizes = (letters: readonly string[]): readonly number[] => letters.map((letter) => present(size.get(letter)));
  const arranged = ({ name, letters }: Lettered, ...groups: (readonly string[])[]): string => {
    const perm = groups.flat().map((letter) => letters.indexOf(letter));
    return w.reshape(
      w.transpose(name, perm),
      groups.map((group) => elementCount(sizes(group))),
    );
  };
  const product = w.matMul(arranged(a, batch, rows, inner), arranged(b, batch, inner, columns));
  const letters = [...batch, ...rows, ...columns];
  return { name: w.reshape(product, sizes(letters)), letters: letters.join('') };
}

function fusedMatMul({ w, node, inputs: [a, b] }: LoweringCall): boolean {
  const flag = (name: string): boolean => intAttribute(node, name, 0) === 1;
  if (flag('transBatchA') || flag('transBatchB')) return false;
  const alpha = floatAttribute(node, 'alpha', 1);
  const [left, right] = [
    flag('transA') ? w.swapLast(present(a)) : present(a),
    flag('transB') ? w.swapLast(present(b)) : present(b),
  ];
  if (alpha === 1) w.matMul(left, right, node.outputs[0]);
  else w.times(w.matMul(left, right), alpha, node.outputs[0]);
  return true;
}

/** Nearest neighbours by whole factors have a rule; all else is a product with a fixed matrix along each axis. */
function resize(call: LoweringCall): boolean {
  const {
    w,
    node,
    inputs: [x],
  } = call;
  const [output] = node.outputs as [string];
  const [from, to] = [w.shape(present(x)), w.shape(output)];
  const axes = from.flatMap((dim, axis) => (dim === to[axis] ? [] : [axis]));
  const matrices = axes.map((axis) => interpolation(call, axis, present(from[axis]), present(to[axis])));
  if (matrices.every((matrix) => matrix?.kind === 'copies')) return false;
  let result = present(x);
  for (const [i, axis] of axes.entries()) {
    const matrix = matrices[i];
    if (!matrix) return false;
    const last = from.length - 1;
    const order = from.map((_, k) => (k === axis ? last : k === last ? axis : k));
    const weights = w.floats(matrix.weights, [present(from[axis]), present(to[axis])]);
    result = w.transpose(w.matMul(w.transpose(result, order), weights), order);
  }
  w.emit('Identity', [result], [w.type(output)], { as: output });
  return true;
}

/** Windows that do not overlap, or the whole image. */
function averagePool({ w, node, inputs: [x] }: LoweringCall): boolean {
  const [output] = node.outputs as [string];
  const [image, out] = [w.shape(present(x)).slice(2), w.shape(output).slice(2)];
  const kernel = node.opType === 'GlobalAveragePool' ? image : (intsAttribute(node, 'kernel_shape') ?? []);
  const strides = node.opType === 'GlobalAveragePool' ? image : (intsAttribute(node, 'strides') ?? kernel.map(() => 1));
  if (!kernel.every((size, i) => size === strides[i] && present(out[i]) * size === image[i])) return false;
  const apart = w.reshape(present(x), [
    ...w.shape(present(x)).slice(0, 2),
    ...out.flatMap((length, i) => [length, present(kernel[i])]),
  ]);
  w.reshape(
    w.reduceMean(
      apart,
      out.map((_, i) => 3 + 2 * i),
    ),
    w.shape(output),
    output,
  );
  return true;
}

/** Channels to pixels: DCR puts the block first, CRD the channel. */
function depthToSpace({ w, node, inputs: [x] }: LoweringCall): boolean {
  const [batch, channels, height, width] = w.shape(present(x)) as [number, number, number, number];
  const block = intAttribute(node, 'blocksize', 1);
  const rest = channels / (block * block);
  const columnFirst = textAttribute(node, 'mode', 'DCR') === 'CRD';
  const apart = columnFirst ? [batch, rest, block, block, height, width] : [batch, block, block, rest, height, width];
  const order = columnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  w.reshape(w.transpose(w.reshape(present(x), apart), order), w.shape(present(node.outputs[0])), node.outputs[0]);
  return true;
}

function spaceToDepth({ w, node, inputs: [x] }: LoweringCall): boolean {
  const [batch, channels, height, width] = w.shape(present(x)) as [number, number, number, number];
  const block = intAttribute(node, 'blocksize', 1);
  const apart = w.reshape(present(x), [batch, channels, height / block, block, width / block, block]);
  w.reshape(w.transpose(apart, [0, 3, 5, 1, 2, 4]), w.shape(present(node.outputs[0])), node.outputs[0]);
  return true;
}

export const productLowerings: Lowerings = {
  Einsum: einsum,
  FusedMatMul: fusedMatMul,
  Resize: resize,
  AveragePool: averagePool,
  GlobalAveragePool: averagePool,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
