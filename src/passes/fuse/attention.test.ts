/** Attention in the forms that exporters write, fused, against the runtime on the graph as it was. */
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../../onnx/checkModel';
import type { Model } from '../../onnx/model';
import type { GraphBuilder } from '../../onnx/testing/buildModel';
import { buildModel } from '../../onnx/testing/buildModel';
import { loadModel, maxDifference } from '../testing/runModel';
import { fuse } from './fuse';

const [queries, keys, heads, size, valueSize] = [5, 7, 2, 8, 6];
const sizes = { bindings: new Map([['batch', 2]]), free: new Set(['batch']), batch: 2 };
const opsets = new Map([
  ['', 18],
  ['com.microsoft', 1],
]);

interface Parts {
  /** [batch, heads, queries, size] */
  readonly query: string;
  readonly key: string;
  /** [batch, heads, size, keys] */
  readonly turnedKey: string;
  readonly value: string;
}

/** Heads apart, then what `attend` makes of them, then heads together again. */
function model(attend: (b: GraphBuilder, parts: Parts) => string, more?: (b: GraphBuilder) => void): Model {
  return buildModel(
    (b) => {
      const apart = (name: string, length: number, width: number, perm: readonly number[]) => {
        const x = b.input(name, ['batch', length, heads * width]);
        return b.op('Transpose', [b.op('Reshape', [x, b.ints(`${name}.heads`, [-1, length, heads, width])])], { perm });
      };
      more?.(b);
      const query = apart('q', queries, size, [0, 2, 1, 3]);
      const key = apart('k', keys, size, [0, 2, 1, 3]);
      const turnedKey = b.op('Transpose', [key], { perm: [0, 1, 3, 2] });
      const value = apart('v', keys, valueSize, [0, 2, 1, 3]);
      const attended = b.op('Transpose', [attend(b, { query, key, turnedKey, value })], { perm: [0, 2, 1, 3] });
      b.op('Reshape', [attended, b.ints('together', [-1, queries, heads * valueSize])], {}, { outputs: ['y'] });
      b.output('y', null);
    },
    { opsets },
  );
}

const scores = (b: GraphBuilder, { query, turnedKey }: Parts) => b.op('MatMul', [query, turnedKey]);
const scaled = (b: GraphBuilder, parts: Parts) => b.op('Mul', [scores(b, parts), b.weight('scale', [], [0.3])]);
const attended = (b: GraphBuilder, value: string, of: string) =>
  b.op('MatMul', [b.op('Softmax', [of], { axis: -1 }), value]);

function folded(b: GraphBuilder, { query, key, value }: Parts): string {
  const fold = (x: string, length: number, width: number) =>
    b.op('Reshape', [x, b.ints(`${x}.folded`, [-1, length, width])]);
  const turned = b.op('Transpose', [fold(key, keys, size)], { perm: [0, 2, 1] });
  const product = b.op('MatMul', [fold(query, queries, size), turned]);
  const result = attended(
    b,
    fold(value, keys, valueSize),
    b.op('Div', [product, b.weight('root', [1], [Math.sqrt(8)])]),
  );
  return b.op('Reshape', [result, b.ints('unfolded', [-1, heads, queries, valueSize])]);
}

function safe(b: GraphBuilder, parts: Parts, mask: string): string {
  const softmax = b.op('Softmax', [b.op('Add', [scaled(b, parts), mask])], { axis: -1 });
  const guarded = b.op('Where', [b.op('IsNaN', [softmax]), b.weight('zero', [], [0]), softmax]);
  return b.op('MatMul', [guarded, parts.value]);
}

/** The second query sees nothing, the third only the first key. */
const holes = Float32Array.from({ length: queries * keys }, (_, i) =>
  Math.floor(i / keys) === 1 || (Math.floor(i / keys) === 2 && i % keys > 0) ? -Infinity : 0.1 * (i % 3),
);

const forms: Readonly<Record<string, Model>> = {
  bare: model((b, parts) => attended(b, parts.value, scores(b, parts))),
  'scores scaled': model((b, parts) => attended(b, parts.value, scaled(b, parts))),
  'both operands scaled, as torch.onnx does': model((b, parts) => {
    const root = b.weight('root', [1], [0.6]);
    const [query, turnedKey] = [b.op('Mul', [parts.query, root]), b.op('Mul', [root, parts.turnedKey])];
    return attended(b, parts.value, b.op('MatMul', [query, turnedKey]));
  }),
  'heads folded into the batch': model(folded),
  'a mask of keys': model(
    (b, parts) => attended(b, parts.value, b.op('Add', [scaled(b, parts), 'mask'])),
    (b) => b.input('mask', ['batch', 1, 1, keys]),
  ),
  'a mask of queries and keys of each clip': model(
    (b, parts) => attended(b, parts.value, b.op('Add', ['mask', scores(b, parts)])),
    (b) => b.input('mask', ['batch', 1, queries, keys]),
  ),
  'a position bias of each head': model((b, parts) =>
    attended(b, parts.value, b.op('Add', [scores(b, parts), b.weight('bias', [1, heads, queries, keys])])),
  ),
  'a mask that closes a row, guarded': model((b, parts) => safe(b, parts, b.weight('holes', [queries, keys], holes))),
  FusedMatMul: model((b, { query, key, value }) =>
    attended(
      b,
      value,
      b.op(
        'FusedMatMul',
        [query, key],
        { alpha: { kind: 'float', value: 0.35 }, transB: 1 },
        { domain: 'com.microsoft' },
      ),
    ),
  ),
};

function feeds(clips: number, given: Model) {
  const filled = (dims: readonly number[]) =>
    new Tensor(
      'float32',
      Float32Array.from({ length: dims.reduce((a, c) => a * c, 1) }, (_, i) => 2 * Math.sin(3 * i + dims.length)),
      dims,
    );
  const widths: Readonly<Record<string, readonly number[]>> = {
    q: [queries, heads * size],
    k: [keys, heads * size],
    v: [keys, heads * valueSize],
  };
  return Object.fromEntries(
    given.graph.inputs.map(({ name, type }) => [
      name,
      filled([clips, ...(widths[name] ?? (type!.shape!.slice(1) as number[]))]),
    ]),
  );
}

const operators = ({ graph }: Model) => graph.nodes.map(({ opType }) => opType);

describe('attention', () => {
  it.each(Object.entries(forms))('%s', async (_, before) => {
    const after = fuse(before, sizes);
    checkModel(after);
    expect(operators(after)).toContain('MultiHeadAttention');
    for (const gone of ['Softmax', 'MatMul', 'Transpose', 'FusedMatMul', 'IsNaN'])
      expect(operators(after)).not.toContain(gone);
    const [one, other] = [await loadModel(before), await loadModel(after)];
    for (const clips of [1, 3]) {
      const given = feeds(clips, before);
      const wanted = await one.run(given);
      expect(wanted.every(Number.isFinite)).toBe(true);
      expect(maxDifference(await other.run(given), wanted)).toBeLessThanOrEqual(1e-5);
    }
    await Promise.all([one.release(), other.release()]);
  });

  it.each<readonly [string, Model]>([
    [
      'whose softmax is over queries',
      model((b, parts) => b.op('MatMul', [b.op('Softmax', [scores(b, parts)], { axis: 2 }), parts.value])),
    ],
    [
      'whose probabilities are read elsewhere',
      model((b, parts) => {
        const softmax = b.op('Softmax', [scores(b, parts)], { axis: -1 });
        b.op('Relu', [softmax], {}, { outputs: ['probabilities'] });
        b.output('probabilities', null);
        return b.op('MatMul', [softmax, parts.value]);
      }),
    ],
    [
      'with a scale for every head',
      model((b, parts) => attended(b, parts.value, b.op('Mul', [scores(b, parts), b.weight('scales', [heads, 1, 1])]))),
    ],
    [
      'with a mask that is scaled too',
      model((b, parts) =>
        attended(
          b,
          parts.value,
          b.op('Mul', [b.op('Add', [scores(b, parts), b.weight('mask', [keys])]), b.weight('half', [], [0.5])]),
        ),
      ),
    ],
  ])('%s stays', (_, before) => {
    expect(operators(fuse(before, sizes))).not.toContain('MultiHeadAttention');
  });

  it('stays where a value inside is kept, or the backend computes it wrongly', () => {
    const before = forms['bare']!;
    const softmax = before.graph.nodes.find(({ opType }) => opType === 'Softmax')!;
    expect(operators(fuse(before, sizes, { kept: softmax.inputs }))).not.toContain('MultiHeadAttention');
    expect(operators(fuse(before, sizes, { fusions: new Set(['Gelu']) }))).not.toContain('MultiHeadAttention');
  });

  it.each([
    ['whose scores would take 64 MB', 2048, 4, 8, undefined],
    ['whose products WebAssembly cannot count', 1500, 1, 512, 1100],
  ])('%s is run in slices of queries, masked or not', async (_, length, headCount, width, maskedKeys) => {
    const long = buildModel(
      (b) => {
        const apart = (name: string, perm: readonly number[]) => {
          const x = b.input(name, ['batch', length, headCount * width]);
          return b.op('Transpose', [b.op('Reshape', [x, b.ints(`${name}.heads`, [-1, length, headCount, width])])], {
            perm,
          });
        };
        const product = b.op('MatMul', [apart('q', [0, 2, 1, 3]), apart('k', [0, 2, 3, 1])]);
        const mask = Float32Array.from({ length: length * length }, (_n, i) =>
          i % length < (maskedKeys ?? 0) ? -Infinity : 0,
        );
        const open =
          maskedKeys === undefined ? product : b.op('Add', [product, b.weight('mask', [length, length], mask)]);
        const attended = b.op('MatMul', [b.op('Softmax', [open], { axis: -1 }), apart('v', [0, 2, 1, 3])]);
        const together = b.op('Transpose', [attended], { perm: [0, 2, 1, 3] });
        b.op('Reshape', [together, b.ints('together', [-1, length, headCount * width])], {}, { outputs: ['y'] });
        b.output('y', null);
      },
      { opsets },
    );
    const after = fuse(long, { ...sizes, bindings: new Map([['batch', 1]]), batch: 1 });
    checkModel(after);
    expect(operators(after).filter((operator) => operator === 'MultiHeadAttention').length).toBeGreaterThan(1);
    const values = Float32Array.from({ length: length * headCount * width }, (_n, i) => Math.sin(7 * i));
    const x = new Tensor('float32', values, [1, length, headCount * width]);
    const given = { q: x, k: x, v: x };
    const [one, other] = [await loadModel(long), await loadModel(after)];
    expect(maxDifference(await other.run(given), await one.run(given))).toBeLessThanOrEqual(1e-4);
    await Promise.all([one.release(), other.release()]);
  });
});
