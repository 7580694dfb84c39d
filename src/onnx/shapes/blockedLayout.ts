/**
 * Shape rules of onnxruntime's operators on blocked channels (domain com.microsoft.nchwc), saved at its highest
 * optimisation level. Shapes inside count channels up to a whole block; reordering back gives their true number.
 */

import { linearRules } from './linear';
import { intAttribute, type OpCall, type RuleTable, type ShapeRule, shapeOf, typeOf } from './OpCall';
import { valueOf } from './Value';

/** [N, C, H, W] out of that or, where channels come last, out of [N, H, W, C]. */
const reorderInput: ShapeRule = (call) => {
  const x = shapeOf(call, 0);
  if (!x || intAttribute(call.node, 'channels_last', 0) === 0) return [valueOf(typeOf(call, 0), x)];
  return [valueOf(typeOf(call, 0), [x[0] ?? null, x.at(-1) ?? null, ...x.slice(1, -1)])];
};

function reorderOutput(call: OpCall): ReturnType<ShapeRule> {
  const x = shapeOf(call, 0);
  const channels = intAttribute(call.node, 'channels', 0);
  const [batch, places] = [x?.[0] ?? null, x?.slice(2)];
  const shape =
    places &&
    (intAttribute(call.node, 'channels_last', 0) === 0 ? [batch, channels, ...places] : [batch, ...places, channels]);
  return [valueOf(typeOf(call, 0), shape ?? null)];
}

const same = ['Conv', 'MaxPool', 'AveragePool', 'GlobalMaxPool', 'GlobalAveragePool'] as const;

export const blockedLayoutRules: RuleTable = {
  ...Object.fromEntries(same.flatMap((opType) => (linearRules[opType] ? [[opType, linearRules[opType]]] : []))),
  ReorderInput: reorderInput,
  ReorderOutput: reorderOutput,
};
