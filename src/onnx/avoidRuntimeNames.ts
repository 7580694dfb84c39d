/**
 * Names that onnxruntime gives to what its own fusions add, without asking whether a graph has them already: one that it saved
 * itself may, and where a pass writes its products anew, they are fused once more and the session fails ("Attempt to
 * replace the existing tensor"). Such initializers are called otherwise in a graph for the runtime.
 */
import { freshNames } from './freshNames';
import { renameUses } from './graph';
import type { Graph } from './model';

/** Of MatMulAddFusion; `gemm_input_reshape_arg` and its like are values, and those it does ask for. */
const RUNTIME_NAME = /^gemm_(input|output)_shape(_token_\d+)?$/;

/** The same graph where there are none. Inputs and outputs keep their names. */
export function avoidRuntimeNames(graph: Graph): Graph {
  const kept = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  const found = [...graph.initializers.keys()].filter((name) => RUNTIME_NAME.test(name) && !kept.has(name));
  if (found.length === 0) return graph;
  const fresh = freshNames(graph);
  const names = new Map(found.map((name) => [name, fresh(`saved_${name}`)]));
  const renamed = (name: string): string => names.get(name) ?? name;
  const initializers = [...graph.initializers].map(
    ([name, tensor]) => [renamed(name), { ...tensor, name: renamed(name) }] as const,
  );
  return {
    ...graph,
    initializers: new Map(initializers),
    nodes: graph.nodes.map((node) => renameUses(node, renamed)),
  };
}
