/**
 * Replaces calls of the model's own functions by their bodies, for analysis: the caller keeps the model with its
 * functions for writing. Values of the outer graph keep their names; inner ones are prefixed by the call's name.
 */
import { StudioError } from '../errors/StudioError';
import { type FreshName, freshNames } from './freshNames';
import { allNames, subgraphs } from './graph';
import type { Attribute, Graph, Model, ModelFunction, Node } from './model';

/** More than any real model has: functions that call functions can grow without bound. */
const maxNodes = 100_000;

/** Calls inside calls. */
const maxDepth = 99;

/** Characters of names that calls give: long ones in each other grow faster than the nodes do. */
const maxNameCharacters = 50_000_000;

/** The function that a node calls; undefined where it calls an operator. */
type Definitions = (node: Node) => ModelFunction | undefined;

interface Inlining {
  readonly definitionOf: Definitions;
  /** Names of values in the outer graph, and prefixes given to calls. */
  readonly taken: Set<string>;
  /** Name of calls -> how many of them have a prefix; unnamed inner calls all want the same one. */
  readonly calls: Map<string, number>;
  nameCharacters: number;
  /** Names of nodes: no two alike, and the same ones each time. */
  readonly fresh: FreshName;
}

/**
 * The model itself when it has no functions. Throws `onnx/invalid-graph` on recursion, `onnx/unsupported` on endless growth
 * or nesting and on functions that take subgraphs.
 */
export function inlineFunctions(model: Model): Model {
  if (model.functions.length === 0) return model;
  const flat = inlined.get(model) ?? inlineAll(model);
  inlined.set(model, flat);
  return flat;
}

/** Discovery, counting and every pass ask for the same model's; a model never changes. */
const inlined = new WeakMap<Model, Model>();

function inlineAll(model: Model): Model {
  const definitionOf = definitionsOf(model.functions);
  checkGrowth(model.graph, definitionOf);
  const inlining: Inlining = {
    definitionOf,
    taken: allNames(model.graph),
    calls: new Map(),
    nameCharacters: 0,
    fresh: freshNames(model.graph),
  };
  const opsets = new Map([...model.functions.flatMap(({ opsets }) => [...opsets]), ...model.opsets]);
  return { ...model, opsets, functions: [], graph: inlineInGraph(model.graph, inlining) };
}

/** By name first: most nodes call none, and a key of three parts is dear where it is made for each of them. */
function definitionsOf(functions: readonly ModelFunction[]): Definitions {
  const keyOf = (domain: string, name: string, overload = ''): string => JSON.stringify([domain, name, overload]);
  const names = new Set(functions.map(({ name }) => name));
  const byKey = new Map(functions.map((one) => [keyOf(one.domain, one.name, one.overload), one]));
  return ({ domain, opType, overload }) => (names.has(opType) ? byKey.get(keyOf(domain, opType, overload)) : undefined);
}

/** Counts before anything is made: a small file may ask for more nodes than there is memory. */
function checkGrowth(graph: Graph, definitionOf: Definitions): void {
  const counts = new Map<ModelFunction, number>();
  const open = new Set<ModelFunction>();
  const countAll = (nodes: readonly Node[]): number => nodes.reduce((sum, node) => sum + countNode(node), 0);
  const countNode = (node: Node): number => {
    const definition = definitionOf(node);
    if (definition) return 1 + countFunction(definition);
    return [...node.attributes.values()].flatMap(subgraphs).reduce((sum, body) => sum + countAll(body.nodes), 1);
  };
  const countFunction = (definition: ModelFunction): number => {
    const known = counts.get(definition);
    if (known !== undefined) return known;
    if (open.has(definition))
      throw new StudioError('onnx/invalid-graph', `The function ${definition.name} calls itself.`, {
        function: definition.name,
      });
    if (open.size >= maxDepth)
      throw new StudioError(
        'onnx/unsupported',
        `The functions of this model call each other more than ${maxDepth} deep.`,
      );
    open.add(definition);
    const count = countAll(definition.nodes);
    open.delete(definition);
    counts.set(definition, count);
    return count;
  };
  if (countAll(graph.nodes) > maxNodes)
    throw new StudioError('onnx/unsupported', `The functions of this model expand to more than ${maxNodes} nodes.`);
}

function inlineInGraph(graph: Graph, inlining: Inlining): Graph {
  return { ...graph, nodes: graph.nodes.flatMap((node) => inlineNode(node, inlining)) };
}

function inlineNode(node: Node, inlining: Inlining): readonly Node[] {
  const definition = inlining.definitionOf(node);
  if (!definition) return [mapBodies(node, (body) => inlineInGraph(body, inlining))];
  const rename = callNames(node, definition, inlining);
  const bound = new Map(definition.inputs.map((name, i) => [name, node.inputs[i] ?? '']));
  const resolve = (name: string): string => (name === '' ? '' : (bound.get(name) ?? rename(name)));
  const given = new Map([...definition.attributeDefaults, ...node.attributes]);
  const call: Call = { node, given, resolve, fresh: inlining.fresh };
  return definition.nodes.flatMap((inner) => inlineNode(instantiate(inner, call), inlining));
}

interface Call {
  readonly node: Node;
  /** What it gives the function's attributes. */
  readonly given: ReadonlyMap<string, Attribute>;
  /** A name of the function's body in the caller's graph. */
  readonly resolve: (name: string) => string;
  readonly fresh: FreshName;
}

/** Names of the function's inner values in the caller's graph; its outputs take the names that the call gives them. */
function callNames(node: Node, definition: ModelFunction, inlining: Inlining): (name: string) => string {
  const wanted = callLabel(node);
  let calls = inlining.calls.get(wanted) ?? 0;
  let prefix: string;
  const made = definition.nodes.flatMap((inner) => inner.outputs);
  inlining.nameCharacters += wanted.length * (made.length + definition.nodes.length + 1);
  if (inlining.nameCharacters > maxNameCharacters)
    throw new StudioError(
      'onnx/unsupported',
      `The names of calls inside calls of this model's functions grow beyond ${maxNameCharacters} characters.`,
    );
  do prefix = calls++ === 0 ? wanted : `${wanted}.${calls}`;
  while (inlining.taken.has(prefix) || made.some((name) => inlining.taken.has(`${prefix}/${name}`)));
  inlining.calls.set(wanted, calls);
  inlining.taken.add(prefix);
  const outputs = new Map(
    definition.outputs.flatMap((name, i) => (node.outputs[i] ? [[name, node.outputs[i]] as const] : [])),
  );
  return (name) => outputs.get(name) ?? `${prefix}/${name}`;
}

/** An inner node in the caller's terms. */
function instantiate(inner: Node, call: Call): Node {
  const { node, given, resolve, fresh } = call;
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of inner.attributes) {
    const value = attribute.kind === 'reference' ? given.get(attribute.attribute) : attribute;
    if (value && value !== attribute && subgraphs(value).length > 0) {
      throw new StudioError(
        'onnx/unsupported',
        `The function ${node.opType} takes a subgraph as its attribute '${name}'.`,
        { function: node.opType, attribute: name },
      );
    }
    if (value) attributes.set(name, value); // a reference to an attribute that the call leaves out is left out too
  }
  const renamed = mapBodies({ ...inner, attributes }, (body) => renameGraph(body, call));
  return {
    ...renamed,
    name: fresh(innerName(node, inner)),
    inputs: inner.inputs.map(resolve),
    outputs: inner.outputs.map(resolve),
    ...(node.metadata && !inner.metadata ? { metadata: node.metadata } : {}),
  };
}

/** A call without a name is called after what it makes: legacy exporters name no calls, and each makes something else. */
function innerName(call: Node, inner: Node): string {
  const name = inner.name || inner.opType;
  return `${callLabel(call)}${name.startsWith('/') ? '' : '/'}${name}`;
}

const callLabel = (call: Node): string => call.name || call.outputs.find((name) => name !== '') || call.opType;

function renameGraph(body: Graph, call: Call): Graph {
  const { resolve } = call;
  return {
    ...body,
    inputs: body.inputs.map((input) => ({ ...input, name: resolve(input.name) })),
    outputs: body.outputs.map((output) => ({ ...output, name: resolve(output.name) })),
    initializers: new Map(
      [...body.initializers.values()].map((tensor) => [
        resolve(tensor.name),
        { ...tensor, name: resolve(tensor.name) },
      ]),
    ),
    valueInfo: new Map(
      [...body.valueInfo.values()].map((value) => [resolve(value.name), { ...value, name: resolve(value.name) }]),
    ),
    nodes: body.nodes.map((node) => instantiate(node, call)),
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
