/** Shape rules of attention operators: ONNX's own (opset 23) and those of onnxruntime. */
import type { Dim } from '../model';
import { intAttribute, intsAttribute, type OpCall, type RuleTable, type ShapeRule, shapeOf, typeOf } from './OpCall';
import { valueOf } from './Value';

type Result = ReturnType<ShapeRule>;

const times = (a: Dim | undefined, b: Dim | undefined): Dim =>
  typeof a === 'number' && typeof b === 'number' ? a * b : null;
const over = (a: Dim | undefined, b: Dim | undefined): Dim =>
  typeof a === 'number' && typeof b === 'number' && b > 0 ? a / b : null;
const plus = (a: Dim | undefined, b: Dim | undefined): Dim =>
  typeof a === 'number' && typeof b === 'number' ? a + b : null;

/** ONNX Attention: Q [B, Hq, S, D] or [B, S, Hq D]; K and V likewise with L and Hkv; past [B, Hkv, P, D]. */
function onnxAttention(call: OpCall): Result {
  const [q, k, v] = [shapeOf(call, 0), shapeOf(call, 1), shapeOf(call, 2)];
  const pastKey = shapeOf(call, 4);
  const dataType = typeOf(call, 0);
  if (!q || !k || !v) return [valueOf(dataType, null)];
  const flat = q.length === 3;
  const queryHeads = flat ? (intAttribute(call.node, 'q_num_heads') ?? null) : q[1];
  const keyHeads = flat ? (intAttribute(call.node, 'kv_num_heads') ?? null) : k[1];
  const keySize = flat ? over(k[2], keyHeads) : k[3];
  const valueSize = flat ? over(v[2], keyHeads) : v[3];
  const length = flat ? k[1] : k[2];
  const total = pastKey ? plus(pastKey[2], length) : (length ?? null);
  const rows = flat ? q[1] : q[2];
  return [
    valueOf(
      dataType,
      flat
        ? [q[0] ?? null, q[1] ?? null, times(queryHeads, valueSize)]
        : [q[0] ?? null, q[1] ?? null, q[2] ?? null, valueSize ?? null],
    ),
    valueOf(typeOf(call, 1), [k[0] ?? null, keyHeads ?? null, total, keySize ?? null]),
    valueOf(typeOf(call, 2), [v[0] ?? null, keyHeads ?? null, total, valueSize ?? null]),
    valueOf(dataType, [q[0] ?? null, queryHeads ?? null, rows ?? null, total]),
  ];
}

/** onnxruntime's Attention: input [B, S, C], weights [C, Q + K + V] or bias alone; output [B, S, V]. */
function projectedAttention(call: OpCall): Result {
  const x = shapeOf(call, 0);
  const packed = shapeOf(call, 1)?.[1] ?? shapeOf(call, 2)?.[0];
  const sizes = intsAttribute(call.node, 'qkv_hidden_sizes');
  const heads = intAttribute(call.node, 'num_heads');
  if (!x) return [valueOf(typeOf(call, 0), null)];
  const hidden = sizes?.[2] ?? over(packed, 3);
  const past = shapeOf(call, 4);
  return [
    valueOf(typeOf(call, 0), [...x.slice(0, -1), hidden]),
    valueOf(typeOf(call, 0), [
      2,
      x[0] ?? null,
      heads ?? null,
      past ? plus(past[3], x[1]) : (x[1] ?? null),
      over(hidden, heads),
    ]),
  ];
}

/** onnxruntime's MultiHeadAttention: query [B, S, C], or all of q, k, v packed as [B, S, N, 3, H]. */
function multiHeadAttention(call: OpCall): Result {
  const [q, k, v] = [shapeOf(call, 0), shapeOf(call, 1), shapeOf(call, 2)];
  const dataType = typeOf(call, 0);
  if (!q) return [valueOf(dataType, null)];
  if (q.length === 5) return [valueOf(dataType, [q[0] ?? null, q[1] ?? null, times(q[2], q[4])])];
  const heads = intAttribute(call.node, 'num_heads');
  const hidden =
    v?.length === 4 ? times(v[1], v[3]) : v?.length === 3 ? (v[2] ?? null) : k?.length === 5 ? times(k[2], k[4]) : null;
  const length = k?.length === 4 ? k[2] : k?.[1];
  const past = shapeOf(call, 6);
  const total = past ? plus(past[2], length) : (length ?? null);
  const present = (size: Dim) => valueOf(dataType, [q[0] ?? null, heads ?? null, total, over(size, heads)]);
  return [valueOf(dataType, [q[0] ?? null, q[1] ?? null, hidden]), present(q[2] ?? null), present(hidden)];
}

/** onnxruntime's GroupQueryAttention: query [B, S, Nq H]; with no key it holds q, k and v: (Nq + 2 Nkv) H. */
function groupQueryAttention(call: OpCall): Result {
  const q = shapeOf(call, 0);
  const k = shapeOf(call, 1);
  if (!q) return [valueOf(typeOf(call, 0), null)];
  const heads = intAttribute(call.node, 'num_heads', 0);
  const keyHeads = intAttribute(call.node, 'kv_num_heads', 0);
  const hidden = k ? (q[2] ?? null) : times(over(q[2], heads + 2 * keyHeads), heads);
  return [valueOf(typeOf(call, 0), [q[0] ?? null, q[1] ?? null, hidden])];
}

/** onnxruntime's PackedAttention: tokens of all batches in one axis, [T, C] and weights [C, Q + K + V]. */
function packedAttention(call: OpCall): Result {
  const x = shapeOf(call, 0);
  const sizes = intsAttribute(call.node, 'qkv_hidden_sizes');
  return [valueOf(typeOf(call, 0), x && [x[0] ?? null, sizes?.[2] ?? over(shapeOf(call, 1)?.[1], 3)])];
}

/** onnxruntime's PackedMultiHeadAttention: query [T, C], or [T, N, 3, H] with q, k and v. */
function packedMultiHeadAttention(call: OpCall): Result {
  const q = shapeOf(call, 0);
  const v = shapeOf(call, 2);
  return [valueOf(typeOf(call, 0), q && [q[0] ?? null, q.length === 4 ? times(q[1], q[3]) : (v?.[1] ?? null)])];
}

export const onnxAttentionRules: RuleTable = { Attention: onnxAttention };

export const runtimeAttentionRules: RuleTable = {
  Attention: projectedAttention,
  QAttention: projectedAttention,
  MultiHeadAttention: multiHeadAttention,
  DecoderMaskedMultiHeadAttention: multiHeadAttention,
  GroupQueryAttention: groupQueryAttention,
  PackedAttention: packedAttention,
  PackedMultiHeadAttention: packedMultiHeadAttention,
};
