/**
 * Spells out operators of `onnxruntime.transformers` that hide a residual addition: SkipLayerNormalization,
 * SkipSimplifiedLayerNormalization, SkipGroupNorm and BiasAdd become additions followed by the bare operator.
 * New values have names derived from the node's output, so that analysis and surgery agree on them.
 */
import { type FreshName, freshNames } from '../onnx/freshNames';
import { producers } from '../onnx/graph';
import type { Attribute, Graph, Node, TensorType } from '../onnx/model';
import { canHoldWeights, isPureView } from './operators';

export interface ExpandOptions {
  /** Gets the types of the new values. */
  readonly types?: Map<string, TensorType>;
  /** Expand only nodes that make one of these values. */
  readonly only?: ReadonlySet<string>;
}

const FUSED = new Set(['SkipLayerNormalization', 'SkipSimplifiedLayerNormalization', 'SkipGroupNorm', 'BiasAdd']);

/** The graph itself when there is nothing to expand. */
export function expandFused(graph: Graph, options: ExpandOptions = {}): Graph {
  const { only, types } = options;
  if (!graph.nodes.some(isFused)) return graph;
  const made = producers(graph);
  const fresh = freshNames(graph);
  const nodes = graph.nodes.flatMap((node) => {
    if (!isFused(node)) return [node];
    const expanded = expandNode(node, made, fresh);
    if (only && !expanded.some(({ outputs }) => only.has(outputs[0] ?? ''))) return [node];
    const type = types?.get(node.outputs[0] ?? '');
    for (const { outputs } of expanded) {
      const [made] = outputs;
      if (type && made !== undefined && !types?.has(made)) types?.set(made, type);
    }
    return expanded;
  });
  return { ...graph, nodes };
}

const isFused = (node: Node): boolean => node.domain === 'com.microsoft' && FUSED.has(node.opType);

function expandNode(node: Node, made: ReadonlyMap<string, Node>, fresh: FreshName): readonly Node[] {
  const [first, second, bias, sum] = operands(node, fresh);
  const add = (a: string, b: string, output: string, name = 'Add'): Node => ({
    name: node.name === '' ? '' : fresh(`${node.name}/${name}`),
    domain: '',
    opType: 'Add',
    inputs: [a, b],
    outputs: [output],
    attributes: new Map(),
    ...(node.metadata ? { metadata: node.metadata } : {}),
  });
  if (bias === '') return [add(first, second, sum), ...bareOperator(node, sum)];
  // The bias was that of the matrix product before the addition, on whichever side that is.
  const [branch, residual] =
    comesFromProduct(second, made) && !comesFromProduct(first, made) ? [second, first] : [first, second];
  const biased = fresh(`${node.outputs[0] ?? ''}:biased`);
  return [add(branch, bias, biased, 'BiasAdd'), add(biased, residual, sum), ...bareOperator(node, sum)];
}

/** The two summands, the bias ('' when absent) and the name of the sum. */
function operands(node: Node, fresh: FreshName): [string, string, string, string] {
  const at = (i: number) => node.inputs[i] ?? '';
  const sum = (i: number) => node.outputs[i] || fresh(`${node.outputs[0] ?? ''}:sum`);
  switch (node.opType) {
    case 'BiasAdd':
      return [at(0), at(2), at(1), node.outputs[0] ?? ''];
    case 'SkipGroupNorm':
      return [at(0), at(3), at(4), sum(1)];
    case 'SkipSimplifiedLayerNormalization':
      return [at(0), at(1), at(3), sum(3)];
    default:
      return [at(0), at(1), at(4), sum(3)];
  }
}

function bareOperator(node: Node, sum: string): readonly Node[] {
  const [gamma, beta] = [
    node.inputs[node.opType === 'SkipGroupNorm' ? 1 : 2] ?? '',
    node.inputs[node.opType === 'SkipGroupNorm' ? 2 : 3] ?? '',
  ];
  const norm = (
    opType: string,
    domain: string,
    inputs: readonly string[],
    attributes: ReadonlyMap<string, Attribute>,
  ): readonly Node[] => [{ ...node, domain, opType, inputs, outputs: node.outputs.slice(0, 1), attributes }];
  const lastAxis = new Map(node.attributes).set('axis', { kind: 'int', value: -1n });
  switch (node.opType) {
    case 'BiasAdd':
      return [];
    case 'SkipGroupNorm':
      return norm('GroupNorm', 'com.microsoft', [sum, gamma, beta], node.attributes);
    case 'SkipSimplifiedLayerNormalization':
      return norm('SimplifiedLayerNormalization', '', [sum, gamma], lastAxis);
    default:
      return norm('LayerNormalization', '', beta === '' ? [sum, gamma] : [sum, gamma, beta], lastAxis);
  }
}

function comesFromProduct(value: string, made: ReadonlyMap<string, Node>): boolean {
  let node = made.get(value);
  while (node && isPureView(node)) node = made.get(node.inputs[0] ?? '');
  return node !== undefined && canHoldWeights(node);
}
