/**
 * Constants that exporters write down as initializers and that are no parameters: the frequencies that a time step is multiplied
 * by, the ones and zeros of a norm without factors of its own, the scales of a Resize. Only names that no module gave are
 * asked about. Where it is not sure, a constant stays a weight.
 */
import { consumers, usedNames } from '../onnx/graph';
import type { Graph, Node, Tensor } from '../onnx/model';
import { tensorValues } from '../onnx/tensorValues';
import { expandFused } from './expandFused';
import { canHoldWeights } from './operators';

const NORMS = new Set(['InstanceNormalization', 'LayerNormalization', 'GroupNormalization', 'RMSNormalization']);
const ARITHMETIC = new Set(['Mul', 'Div', 'Add', 'Sub', 'Pow']);

/** PyTorch's names of parameters are paths (`conv_in.weight`); exporters' own have no dot. */
const isModuleName = (name: string): boolean => name.includes('.') || /(weight|bias|table|scale)$/.test(name);

/** The same for a graph and for what discovery makes of it: norms that are fused with the addition before them are looked at bare. */
export function exporterConstants(given: Graph): ReadonlySet<string> {
  const graph = expandFused(given);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const users = consumers(graph);
  const isFrequency = frequencyTest(graph);
  const found = [...graph.initializers.values()].filter((tensor) => {
    const { name } = tensor;
    if (isModuleName(name) || inputs.has(name) || outputs.has(name)) return false;
    const readers = users.get(name) ?? [];
    return (
      readers.length > 0 &&
      readers.every(
        (node) =>
          node.domain === '' &&
          node.inputs.includes(name) &&
          node.inputs.every((input, index) => input !== name || isConstantUse(tensor, node, index, isFrequency)),
      )
    );
  });
  return new Set(found.map(({ name }) => name));
}

function isConstantUse(
  tensor: Tensor,
  node: Node,
  index: number,
  isFrequency: (node: Node, name: string) => boolean,
): boolean {
  if (node.opType === 'Resize') return index > 0;
  if (NORMS.has(node.opType)) return index > 0 && isUniform(tensor, index === 1 ? 1 : 0);
  return ARITHMETIC.has(node.opType) && isFrequency(node, tensor.name);
}

function isUniform(tensor: Tensor, expected: number): boolean {
  const values = tensorValues(tensor);
  return values !== undefined && [...values].every((value) => Number(value) === expected);
}

type Origin = 'constant' | 'input' | 'computed';

/** Whether a node's other operand comes from the graph's inputs alone, untouched by any product with weights. */
function frequencyTest(graph: Graph): (node: Node, name: string) => boolean {
  const origins = new Map<string, Origin>();
  for (const name of graph.initializers.keys()) origins.set(name, 'constant');
  for (const { name } of graph.inputs) origins.set(name, 'input');
  for (const node of graph.nodes) {
    const origin = originOf(node, origins);
    for (const output of node.outputs) origins.set(output, origin);
  }
  return (node, name) => node.inputs.every((input) => input === name || origins.get(input) === 'input');
}

function originOf(node: Node, origins: ReadonlyMap<string, Origin>): Origin {
  const read = usedNames(node).map((name) => origins.get(name) ?? 'computed');
  if (read.every((origin) => origin === 'constant')) return 'constant';
  return read.includes('computed') || canHoldWeights(node) ? 'computed' : 'input';
}
