/** Does the graph make sense? Names, order, and that every value that is read exists. Weights are not read. */
import { StudioError } from '../errors/StudioError';
import { subgraphs, topologicalOrder } from './graph';
import type { Graph, Model } from './model';

/** Throws `onnx/missing-opset` or `onnx/invalid-graph`. */
export function checkModel(model: Model): void {
  if (!model.opsets.has('')) throw new StudioError('onnx/missing-opset', 'The model does not say which version of the ONNX operators it uses.');
  if (model.graph.outputs.length === 0) throw new StudioError('onnx/invalid-graph', 'The graph has no outputs.');
  checkGraph(model.graph, new Set());
}

function checkGraph(graph: Graph, outer: ReadonlySet<string>): void {
  const own = new Set<string>();
  const declare = (name: string, what: string): void => {
    if (name === '') return;
    if (own.has(name)) throw new StudioError('onnx/invalid-graph', `Two values are named ${name} (the second is ${what}).`, { name });
    own.add(name);
  };
  for (const { name } of graph.inputs) declare(name, 'a graph input');
  const inputs = new Set(own);
  for (const name of graph.initializers.keys()) if (!inputs.has(name)) declare(name, 'an initializer');
  for (const node of graph.nodes) for (const output of node.outputs) declare(output, `made by ${node.name || node.opType}`);
  const known = new Set([...outer, ...own]);
  for (const node of graph.nodes) {
    for (const name of node.inputs) if (name !== '') requireKnown(name, known, `the node ${node.name || node.opType}`);
  }
  for (const { name } of graph.outputs) requireKnown(name, known, 'the list of outputs');
  topologicalOrder(graph);
  for (const node of graph.nodes) for (const attribute of node.attributes.values()) for (const body of subgraphs(attribute)) checkGraph(body, known);
}

function requireKnown(name: string, known: ReadonlySet<string>, reader: string): void {
  if (!known.has(name)) throw new StudioError('onnx/invalid-graph', `The value ${name}, which ${reader} reads, does not exist.`, { name });
}
