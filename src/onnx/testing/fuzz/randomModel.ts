/** Graphs of operators thrown together at random over small values: what no exporter writes, and shape inference must survive. */
import type { Attribute, Model } from '../../model';
import { arrangementRules } from '../../shapes/arrangement';
import { onnxAttentionRules, runtimeAttentionRules } from '../../shapes/attention';
import { controlFlowRules } from '../../shapes/controlFlow';
import { elementwiseRules } from '../../shapes/elementwise';
import { fusedRules } from '../../shapes/fused';
import { generationRules } from '../../shapes/generation';
import { linearRules } from '../../shapes/linear';
import { recurrentRules } from '../../shapes/recurrent';
import { reductionRules } from '../../shapes/reduction';
import { type AttributeInput, buildGraph, buildModel, floatTensor, type GraphBuilder, intTensor } from '../buildModel';
import type { Random } from './random';

/** Those that compute shapes come up more often. */
const tables = [
  arrangementRules,
  arrangementRules,
  generationRules,
  elementwiseRules,
  linearRules,
  reductionRules,
  recurrentRules,
  onnxAttentionRules,
  controlFlowRules,
];
const runtimeTables = [fusedRules, runtimeAttentionRules];

const intNames = [
  'axis',
  'keepdims',
  'to',
  'start',
  'end',
  'batch_dims',
  'blocksize',
  'group',
  'num_heads',
  'kv_num_heads',
  'q_num_heads',
  'K',
  'N',
  'k',
  'transA',
  'transB',
  'num_outputs',
  'num_scan_inputs',
  'allowzero',
  'dtype',
  'ceil_mode',
  'value_int',
  'noop_with_empty_axes',
  'fmod',
  'number',
];
const listNames = [
  'axes',
  'perm',
  'kernel_shape',
  'strides',
  'pads',
  'dilations',
  'shape',
  'output_shape',
  'output_padding',
  'split',
  'starts',
  'ends',
  'steps',
  'value_ints',
  'qkv_hidden_sizes',
  'scan_input_axes',
];
const floatNames = ['scales', 'value_floats'];
const texts: readonly (readonly [string, string])[] = [
  ['equation', 'bij,bjk->bik'],
  ['equation', '...i,j...->'],
  ['equation', '->...,'],
  ['auto_pad', 'SAME_UPPER'],
  ['auto_pad', 'VALID'],
  ['keep_aspect_ratio_policy', 'not_larger'],
];
const ints = [0, 1, 1, 2, 3, 4, 7, -1, -2, 30, 1000, 1024, 2 ** 20, 2 ** 31 - 1, 2 ** 52, -(2 ** 40)];

/** Passes `checkModel`; says nothing that makes sense. Nodes make what later ones read. */
export function randomModel(random: Random): Model {
  return buildModel(
    (b) => {
      const values = [
        b.input('sample', [1, 4, 'frames', 8, 8]),
        b.input('steps', ['frames'], 'int64'),
        b.input('unranked', null),
      ];
      for (let i = 0; i < 5; i++)
        values.push(
          b.tensor(
            intTensor(
              `ints ${i}`,
              Array.from({ length: random.index(5) }, () => random.pick(ints)),
            ),
          ),
        );
      values.push(
        b.tensor(
          intTensor(
            'many',
            Array.from({ length: 1000 }, (_, i) => (i < 2 ? 1000 : 1)),
          ),
        ),
        b.tensor(floatTensor('floats', [2, 3], [0.5, NaN, Infinity, -1, 1e30, 0])),
        b.tensor(intTensor('scalar', random.pick(ints))),
      );
      addNodes(b, values, 2 + random.index(30), 0, random);
      b.output(values.at(-1)!);
    },
    {
      opsets: new Map([
        ['', random.pick([1, 9, 11, 13, 17, 18, 21, 24])],
        ['com.microsoft', 1],
      ]),
    },
  );
}

function addNodes(b: GraphBuilder, values: string[], count: number, depth: number, random: Random): void {
  for (let i = 0; i < count; i++) {
    const runtime = random.chance(0.1);
    const opType = random.pick(Object.keys(random.pick(runtime ? runtimeTables : tables)));
    const recent = random.chance(0.5) ? values.slice(-4) : values;
    const inputs = Array.from({ length: random.index(5) }, () => (random.chance(0.05) ? '' : random.pick(recent)));
    const prefix = `d${depth}.${values.length}.`;
    const outputs = Array.from({ length: 1 + random.index(3) }, (_, at) => `${prefix}${at}`);
    values.push(
      ...b.ops(opType, inputs, randomAttributes(opType, values, prefix, depth, random), {
        outputs,
        name: `/blocks.${i % 3}/${opType}_${prefix}`,
        ...(runtime ? { domain: 'com.microsoft' } : {}),
      }),
    );
  }
}

function randomAttributes(
  opType: string,
  values: readonly string[],
  prefix: string,
  depth: number,
  random: Random,
): Record<string, AttributeInput> {
  const attributes: Record<string, AttributeInput> = {};
  for (let count = random.index(4); count > 0; count--) attributes[random.pick(intNames)] = random.pick(ints);
  for (let count = random.index(4); count > 0; count--)
    attributes[random.pick(listNames)] = Array.from({ length: random.index(5) }, () => random.pick(ints));
  if (random.chance(0.1))
    attributes[random.pick(floatNames)] = {
      kind: 'floats',
      value: [random.pick([0, 0.5, NaN, Infinity, 2, 1e30])],
    } satisfies Attribute;
  if (random.chance(0.2)) Object.assign(attributes, Object.fromEntries([random.pick(texts)]));
  const bodies = { If: ['then_branch', 'else_branch'], Loop: ['body'], Scan: ['body'] }[opType] ?? [];
  for (const name of bodies)
    if (depth < 3) attributes[name] = randomBody(values, `${prefix}${name}`, depth + 1, random);
  return attributes;
}

function randomBody(outer: readonly string[], prefix: string, depth: number, random: Random) {
  return buildGraph((b) => {
    const own = Array.from({ length: random.index(4) }, (_, i) =>
      b.input(`${prefix}.in${i}`, random.chance(0.5) ? null : [2]),
    );
    const values = [...outer, ...own];
    addNodes(b, values, 1 + random.index(4), depth, random);
    for (const name of new Set(Array.from({ length: random.index(4) }, () => random.pick(values)))) b.output(name);
  }, prefix);
}
