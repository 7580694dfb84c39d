/** Normalisations as layer normalisation, or spelt out. */
import { present } from '../../../errors/present';
import { elementCount } from '../../../onnx/dataTypes';
import { floatAttribute, intAttribute } from '../../../onnx/shapes/OpCall';
import type { GraphWriter } from '../GraphWriter';
import type { LoweringCall, Lowerings } from '../Rule';
import { axisOf } from '../rules/arrangement';

/** With mean and inverse deviation as outputs, which its gradient needs. */
function layerNormalization({ w, node, inputs }: LoweringCall): boolean {
  const [y, mean, inverse] = node.outputs;
  if (mean && inverse) return false;
  const type = w.type(present(y));
  const axis = axisOf(intAttribute(node, 'axis', -1), type.shape.length);
  const statistics = { dataType: type.dataType, shape: type.shape.map((dim, i) => (i < axis ? dim : 1)) };
  w.emit('LayerNormalization', inputs, [type, statistics, statistics], {
    attributes: Object.fromEntries(node.attributes),
    as: y,
  });
  return true;
}

/** x [..., L] less its mean over the last axis, over its deviation. */
function normalised(w: GraphWriter, x: string, epsilon: number): string {
  const type = w.type(x);
  const last = type.shape.length - 1;
  if (w.opset >= 17) {
    const statistics = { dataType: type.dataType, shape: type.shape.with(last, 1) };
    const attributes = { axis: -1, epsilon: { kind: 'float', value: epsilon } as const };
    return present(
      w.emit('LayerNormalization', [x, w.ones(present(type.shape[last]))], [type, statistics, statistics], {
        attributes,
      })[0],
    );
  }
  const centred = w.sub(x, w.reduceMean(x, [last]));
  return w.mul(centred, inverseRoot(w, w.reduceMean(w.mul(centred, centred), [last]), epsilon));
}

const inverseRoot = (w: GraphWriter, x: string, epsilon: number): string =>
  w.unary('Reciprocal', w.unary('Sqrt', w.plus(x, epsilon)));

const isAll = (numbers: readonly number[] | undefined, wanted: number): boolean =>
  numbers?.every((number) => number === wanted) === true;

/** value * scale + bias along the channels (axis 1), without what does nothing; named as the node's output. */
function scaled({ w, node, numbers }: LoweringCall, value: string, scale: string, bias: string | undefined): boolean {
  const [output] = node.outputs as [string];
  const shape = [present(w.shape(scale)[0]), ...new Array<number>(w.rank(output) - 2).fill(1)];
  const steps = [
    ...(isAll(numbers(scale), 1) ? [] : [['Mul', scale] as const]),
    ...(bias === undefined || isAll(numbers(bias), 0) ? [] : [['Add', bias] as const]),
  ];
  let result = w.reshape(value, w.shape(output), steps.length === 0 ? output : undefined);
  steps.forEach(([opType, operand], i) => {
    result = w.binary(opType, result, w.reshape(operand, shape), { as: i === steps.length - 1 ? output : undefined });
  });
  return true;
}

function instanceNormalization(call: LoweringCall): boolean {
  const { w, node, inputs } = call;
  const [x, scale, bias] = inputs as [string, string, string];
  const [batch, channels, ...rest] = w.shape(x) as [number, number, ...number[]];
  const flat = w.reshape(x, [batch, channels, elementCount(rest)]);
  return scaled(call, normalised(w, flat, floatAttribute(node, 'epsilon', 1e-5)), scale, bias);
}

/** Scale and bias are per channel (opset 21), or per group (18). */
function groupNormalization(call: LoweringCall): boolean {
  const { w, node, inputs } = call;
  const [x, scale, bias] = inputs as [string, string, string];
  const shape = w.shape(x);
  const groups = intAttribute(node, 'num_groups', 1);
  const flat = w.reshape(x, [present(shape[0]), groups, elementCount(shape.slice(1)) / groups]);
  const perChannel = (name: string): string => {
    if (w.shape(name)[0] === shape[1]) return name;
    const repeats = present(shape[1]) / groups;
    return w.reshape(w.expand(w.reshape(name, [groups, 1]), [groups, repeats]), [present(shape[1])]);
  };
  return scaled(call, normalised(w, flat, floatAttribute(node, 'epsilon', 1e-5)), perChannel(scale), perChannel(bias));
}

/** x / rms(x) * scale over the axes from `axis` on. */
function rmsNormalization({ w, node, inputs: [x, scale] }: LoweringCall): boolean {
  if (node.outputs.slice(1).some((name) => name !== '')) return false;
  const rank = w.rank(present(x));
  const axis = axisOf(intAttribute(node, 'axis', -1), rank);
  const axes = Array.from({ length: rank - axis }, (_, i) => axis + i);
  const inverse = inverseRoot(
    w,
    w.reduceMean(w.mul(present(x), present(x)), axes),
    floatAttribute(node, 'epsilon', 1e-5),
  );
  w.mul(w.mul(present(x), inverse), present(scale), node.outputs[0]);
  return true;
}

/** Of input + skip (+ bias); the fourth output is that sum. */
function skipLayerNormalization({ w, node, inputs }: LoweringCall): boolean {
  const [x, skip, scale, offset, bias] = inputs as [string, string, string, string?, string?];
  if (node.outputs[1] || node.outputs[2]) return false;
  const sum = node.outputs[3] || undefined;
  const plain = w.add(x, skip, bias ? undefined : sum);
  const added = bias ? w.add(plain, bias, sum) : plain;
  const type = w.type(added);
  const statistics = { ...type, shape: type.shape.with(-1, 1) };
  w.emit('LayerNormalization', offset ? [added, scale, offset] : [added, scale], [type, statistics, statistics], {
    attributes: { axis: -1, epsilon: { kind: 'float', value: floatAttribute(node, 'epsilon', 1e-12) } },
    as: node.outputs[0],
  });
  return true;
}

export const normalisationLowerings: Lowerings = {
  LayerNormalization: layerNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  RMSNormalization: rmsNormalization,
  SimplifiedLayerNormalization: rmsNormalization,
  SkipLayerNormalization: skipLayerNormalization,
};
