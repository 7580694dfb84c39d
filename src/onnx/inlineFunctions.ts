/**
 * Replaces calls of the model's own functions by their bodies, for analysis: the caller keeps the model with its
 * functions for writing. Values of the outer graph keep their names; inner ones are prefixed by the call's name.
 */
import { StudioError } from '../errors/StudioError';
import { allNames, subgraphs } from './graph';
import type { Attribute, Graph, Model, ModelFunction, Node } from './model';

/** More nodes than any real model has: functions that call functions can grow without bound. */
const maxNodes = 1_000_000;

interface Inlining {
  readonly functions: ReadonlyMap<string, ModelFunction>;
  readonly taken: Set<string>;
  /** Nodes made so far. */
  count: number;
}

/** The model itself when it has no functions. Throws `onnx/invalid-graph` on recursion, `onnx/unsupported` on endless growth. */
export function inlineFunctions(model: Model): Model {
  if (model.functions.length === 0) return model;
  const functions = new Map(model.functions.map((definition) => [keyOf(definition.domain, definition.name, definition.overload), definition]));
  const inlining: Inlining = { functions, taken: allNames(model.graph), count: 0 };
  const opsets = new Map([...model.functions.flatMap(({ opsets }) => [...opsets]), ...model.opsets]);
  return { ...model, opsets, functions: [], graph: inlineInGraph(model.graph, [], inlining) };
}

const keyOf = (domain: string, name: string, overload = ''): string => JSON.stringify([domain, name, overload]);

function inlineInGraph(graph: Graph, open: readonly string[], inlining: Inlining): Graph {
  return { ...graph, nodes: graph.nodes.flatMap((node) => inlineNode(node, open, inlining)) };
}

/** `open`: the functions being inlined around this node. */
function inlineNode(node: Node, open: readonly string[], inlining: Inlining): readonly Node[] {
  if (++inlining.count > maxNodes) throw new StudioError('onnx/unsupported', `The functions of this model expand to more than ${maxNodes} nodes.`);
  const key = keyOf(node.domain, node.opType, node.overload);
  const definition = inlining.functions.get(key);
  if (!definition) return [mapBodies(node, (body) => inlineInGraph(body, open, inlining))];
  if (open.includes(key)) throw new StudioError('onnx/invalid-graph', `The function ${node.opType} calls itself.`, { function: node.opType });
  const rename = callNames(node, definition, inlining);
  const missing = definition.inputs.map((_, i) => node.inputs[i] ?? '');
  const bound = new Map(definition.inputs.map((name, i) => [name, missing[i]!]));
  const resolve = (name: string): string => (name === '' ? '' : (bound.get(name) ?? rename(name)));
  const given = new Map([...definition.attributeDefaults, ...node.attributes]);
  return definition.nodes.flatMap((inner) => inlineNode(instantiate(inner, resolve, given, node), [...open, key], inlining));
}

/** Names of the function's inner values in the caller's graph; its outputs take the names that the call gives them. */
function callNames(node: Node, definition: ModelFunction, inlining: Inlining): (name: string) => string {
  let prefix = node.name || node.outputs.find((name) => name !== '') || node.opType;
  while (inlining.taken.has(prefix)) prefix += "'";
  inlining.taken.add(prefix);
  const outputs = new Map(definition.outputs.flatMap((name, i) => (node.outputs[i] ? [[name, node.outputs[i]] as const] : [])));
  return (name) => outputs.get(name) ?? `${prefix}/${name}`;
}

/** An inner node in the caller's terms. */
function instantiate(inner: Node, resolve: (name: string) => string, given: ReadonlyMap<string, Attribute>, call: Node): Node {
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of inner.attributes) {
    const value = attribute.kind === 'reference' ? given.get(attribute.attribute) : attribute;
    if (value) attributes.set(name, value); // a reference to an attribute that the call leaves out is left out too
  }
  const renamed = mapBodies({ ...inner, attributes }, (body) => renameGraph(body, resolve, given, call));
  return {
    ...renamed,
    name: `${call.name}/${inner.name}`,
    inputs: inner.inputs.map(resolve),
    outputs: inner.outputs.map(resolve),
    ...(call.metadata && !inner.metadata ? { metadata: call.metadata } : {}),
  };
}

function renameGraph(body: Graph, resolve: (name: string) => string, given: ReadonlyMap<string, Attribute>, call: Node): Graph {
  return {
    ...body,
    inputs: body.inputs.map((input) => ({ ...input, name: resolve(input.name) })),
    outputs: body.outputs.map((output) => ({ ...output, name: resolve(output.name) })),
    initializers: new Map([...body.initializers.values()].map((tensor) => [resolve(tensor.name), { ...tensor, name: resolve(tensor.name) }])),
    valueInfo: new Map([...body.valueInfo.values()].map((value) => [resolve(value.name), { ...value, name: resolve(value.name) }])),
    nodes: body.nodes.map((node) => instantiate(node, resolve, given, call)),
  };
}

function mapBodies(node: Node, change: (body: Graph) => Graph): Node {
  if (![...node.attributes.values()].some((attribute) => subgraphs(attribute).length > 0)) return node;
  const attributes = [...node.attributes].map(([name, attribute]): [string, Attribute] => {
    if (attribute.kind === 'graph') return [name, { ...attribute, value: change(attribute.value) }];
    if (attribute.kind === 'graphs') return [name, { ...attribute, value: attribute.value.map(change) }];
    return [name, attribute];
  });
  return { ...node, attributes: new Map(attributes) };
}
