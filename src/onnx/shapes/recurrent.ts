/** Shape rules of RNN, GRU and LSTM: sequences [S, B, I], or [B, S, I] with `layout` 1. */
import type { Dim } from '../model';
import { intAttribute, type OpCall, type RuleTable, type ShapeRule, shapeOf, textAttribute, typeOf } from './OpCall';
import { valueOf } from './Value';

/** Y [S, D, B, H], then one last state [D, B, H] for each state that the operator carries. */
const recurrent =
  (states: number): ShapeRule =>
  (call: OpCall) => {
    const x = shapeOf(call, 0);
    const batchFirst = intAttribute(call.node, 'layout', 0) === 1;
    const directions = textAttribute(call.node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
    const hidden = intAttribute(call.node, 'hidden_size') ?? shapeOf(call, 2)?.at(-1) ?? null;
    const [first, second]: readonly (Dim | undefined)[] = x ?? [];
    const [length, batch] = batchFirst ? [second ?? null, first ?? null] : [first ?? null, second ?? null];
    const last = valueOf(typeOf(call, 0), batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]);
    const all = batchFirst ? [batch, length, directions, hidden] : [length, directions, batch, hidden];
    return [valueOf(typeOf(call, 0), all), ...new Array<typeof last>(states).fill(last)];
  };

export const recurrentRules: RuleTable = { RNN: recurrent(1), GRU: recurrent(1), LSTM: recurrent(2) };
