/** onnxruntime's attention operators and rotary embeddings as products and softmax. Caches and packed inputs are not handled. */
import { present } from '../../../errors/present';
import { floatAttribute, intAttribute } from '../../../onnx/shapes/OpCall';
import type { GraphWriter } from '../GraphWriter';
import type { LoweringCall, Lowerings } from '../Rule';

/** [B, S, heads size] -> [B, heads, S, size] */
function byHead(w: GraphWriter, x: string, heads: number): string {
  const [batch, length, width] = w.shape(x) as [number, number, number];
  return w.transpose(w.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** softmax(q k^T scale + bias) v of [B, heads, S, size] each, as [B, S, heads size]. */
function attend(
  w: GraphWriter,
  q: string,
  k: string,
  v: string,
  scale: number,
  bias: string | undefined,
  as: string,
): void {
  const scores = w.matMul(w.times(q, scale), w.swapLast(k));
  const biased = bias ? w.add(scores, bias) : scores;
  const weights = w.unary('Softmax', biased, { attributes: { axis: -1 } });
  const mixed = w.transpose(w.matMul(weights, v), [0, 2, 1, 3]);
  const [batch, length, heads, size] = w.shape(mixed) as [number, number, number, number];
  w.reshape(mixed, [batch, length, heads * size], as);
}

function multiHeadAttention({ w, node, inputs }: LoweringCall): boolean {
  const [q, k, v, bias, mask, attentionBias, ...caches] = inputs;
  if (!q || !k || !v || w.rank(q) !== 3 || w.rank(k) !== 3 || w.rank(v) !== 3) return false;
  if (mask || caches.some((name) => name !== '') || node.outputs.length > 1) return false;
  const heads = intAttribute(node, 'num_heads', 1);
  const width = present(w.shape(q)[2]);
  const part = (x: string, i: number): string => {
    if (!bias) return x;
    const from = i * width;
    return w.add(x, w.slice(bias, 0, from, from + present(w.shape(x)[2])));
  };
  const scale = floatAttribute(node, 'scale', 1 / Math.sqrt(width / heads));
  const [qs, ks, vs] = [part(q, 0), part(k, 1), part(v, 2)].map((x) => byHead(w, x, heads)) as [string, string, string];
  attend(w, qs, ks, vs, scale, attentionBias || undefined, present(node.outputs[0]));
  return true;
}

export const attentionLowerings: Lowerings = { 'com.microsoft.MultiHeadAttention': multiHeadAttention };
