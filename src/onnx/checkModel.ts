/**
 * Does the graph make sense? Names, order, and that every value that is read exists. Weights are not read, and whether
 * operators are known and used rightly is the runtime's business.
 */
import { StudioError } from '../errors/StudioError';
import { subgraphs, topologicalOrder } from './graph';
import type { Graph, Model, ModelFunction, Node } from './model';

/** Names that a graph declares, and those of the graphs around it. */
interface Names {
  readonly own: ReadonlySet<string>;
  readonly outer?: Names;
}

/** Throws `onnx/missing-opset` or `onnx/invalid-graph`. */
export function checkModel(model: Model): void {
  if (model.irVersion < 1) throw invalid('The model does not say which version of the file format it has.');
  if (!model.opsets.has(''))
    throw new StudioError('onnx/missing-opset', 'The model does not say which version of the ONNX operators it uses.');
  if (model.graph.outputs.length === 0) throw invalid('The graph has no outputs.');
  checkGraph(model.graph);
  checkFunctions(model.functions);
}

function checkGraph(graph: Graph, outer?: Names): void {
  const names: Names = { own: declaredNames(graph), ...(outer ? { outer } : {}) };
  checkNodes(graph.nodes, names);
  const listed = new Set<string>();
  for (const { name } of graph.outputs) {
    requireKnown(name, names, 'the list of outputs');
    if (listed.has(name)) throw invalid(`The output '${name}' is listed twice.`, { value: name });
    listed.add(name);
  }
  topologicalOrder(graph);
}

/** Inputs, initializers (which may give an input its default) and what nodes make, each name once. */
function declaredNames(graph: Graph): ReadonlySet<string> {
  const own = new Set<string>();
  const declare = (name: string, what: string): void => {
    if (own.has(name)) throw invalid(`Two values are named '${name}'; the second is ${what}.`, { value: name });
    own.add(name);
  };
  for (const { name } of graph.inputs) {
    if (name === '') throw invalid('An input of the graph has no name.');
    declare(name, 'an input');
  }
  const inputs = new Set(own);
  for (const name of [...graph.initializers.keys(), ...(graph.sparseInitializers?.keys() ?? [])]) {
    if (name === '') throw invalid('An initializer has no name.');
    if (!inputs.has(name)) declare(name, 'an initializer');
  }
  for (const node of graph.nodes)
    for (const name of node.outputs) if (name !== '') declare(name, `made by ${label(node)}`);
  return own;
}

function checkNodes(nodes: readonly Node[], names: Names): void {
  for (const node of nodes) {
    if (node.opType === '') throw invalid(`The node '${node.name}' names no operator.`, { node: node.name });
    for (const name of node.inputs) if (name !== '') requireKnown(name, names, label(node));
    for (const attribute of node.attributes.values()) for (const body of subgraphs(attribute)) checkGraph(body, names);
  }
}

/** A function's body sees its own inputs only. */
function checkFunctions(functions: readonly ModelFunction[]): void {
  const seen = new Set<string>();
  for (const definition of functions) {
    const key = JSON.stringify([definition.domain, definition.name, definition.overload ?? '']);
    if (seen.has(key)) throw invalid(`Two functions are named '${definition.name}'.`, { function: definition.name });
    seen.add(key);
    const body = functionBody(definition);
    const own = declaredNames(body);
    checkNodes(body.nodes, { own });
    for (const name of definition.outputs)
      requireKnown(name, { own }, `the outputs of the function '${definition.name}'`);
    topologicalOrder(body);
  }
}

const functionBody = (definition: ModelFunction): Graph => ({
  name: definition.name,
  nodes: definition.nodes,
  initializers: new Map(),
  inputs: definition.inputs.map((name) => ({ name })),
  outputs: [],
  valueInfo: new Map(),
});

function requireKnown(name: string, names: Names, reader: string): void {
  for (let at: Names | undefined = names; at; at = at.outer) if (at.own.has(name)) return;
  throw invalid(`The value '${name}', which ${reader} reads, does not exist.`, { value: name });
}

const label = (node: Node): string => `the ${node.opType} node '${node.name}'`;

const invalid = (message: string, facts: Readonly<Record<string, string>> = {}) =>
  new StudioError('onnx/invalid-graph', message, facts);
