/**
 * One graph for the teacher and every student: each droppable unit goes into the then-branch of `If(keep)`, `keep`
 * being a boolean scalar input; the else-branch passes the unit's entry on. Weights, and whatever is computed from
 * them alone, stay in the outer graph: inside a branch the runtime would hold them twice.
 */
import type { Block, BlockTree, Plan } from '../blocks/block';
import { resolvePlan } from '../blocks/resolvePlan';
import { removeDeadCode, renameUses, topologicalOrder, usedNames } from '../onnx/graph';
import type { Graph, Model, Node, TensorType, ValueInfo } from '../onnx/model';
import { identity, rewire } from './rewire';

export interface GatedModel {
  readonly model: Model;
  /** Unit id -> name of its boolean scalar graph input; true keeps the unit. */
  readonly gates: ReadonlyMap<string, string>;
}

/** `types`: value -> type, for the branches' outputs; a value without one gets a branch output without a type. */
export function gate(model: Model, tree: BlockTree, types: ReadonlyMap<string, TensorType> = new Map()): GatedModel {
  const gates = new Map<string, string>();
  const stream = streamValues(model.graph);
  let graph = model.graph;
  for (const unit of gateUnits(tree)) {
    const input = `keep:${unit.id}`;
    const gated = gateUnit(graph, unit, input, stream, types);
    if (!gated) continue;
    graph = gated;
    gates.set(unit.id, input);
  }
  const inputs: ValueInfo[] = [...gates.values()].map((name) => ({ name, type: { dataType: 'bool', shape: [] } }));
  const ordered = { ...graph, inputs: [...graph.inputs, ...inputs] };
  return { model: { ...model, graph: { ...ordered, nodes: topologicalOrder(ordered) } }, gates };
}

/** What each gate is fed under a plan. Throws as `resolvePlan`. */
export function gateFeeds(gates: ReadonlyMap<string, string>, tree: BlockTree, plan: Plan): ReadonlyMap<string, boolean> {
  const gone = new Set(resolvePlan(tree, plan).goneIds);
  const dropped = new Set(plan.dropped);
  return new Map([...gates].map(([id, input]) => [input, !(gone.has(id) || dropped.has(id))]));
}

/** Units with a gate of their own, narrow ones first: droppable leaves, parents that are more than their children, groups. */
function gateUnits(tree: BlockTree): readonly Block[] {
  const units: Block[] = [];
  const visit = (block: Block): void => {
    block.children.forEach(visit);
    const byChildren = block.children.length > 0 && block.children.every(({ droppable }) => droppable);
    if (block.droppable && !byChildren) units.push(block);
  };
  tree.blocks.forEach(visit);
  // Deepest first: a shallower group holds the deeper one.
  return [...units, ...tree.groups.toSorted((a, b) => b.level - a.level)];
}

/** `undefined` when bypassing the unit frees no node: there is nothing to gate. */
function gateUnit(graph: Graph, unit: Block, keep: string, stream: ReadonlySet<string>, types: ReadonlyMap<string, TensorType>): Graph | undefined {
  const inside = exclusiveNodes(graph, unit, stream);
  const exits = unit.rewires.filter(({ exit }) => inside.some((node) => node.outputs.includes(exit)));
  if (exits.length === 0) return undefined;
  const exitNames = new Set(exits.map(({ exit }) => exit));
  const on = (name: string) => (exitNames.has(name) ? `${name}:on:${unit.id}` : name);
  const output = (exit: string, name: string): ValueInfo => {
    const type = types.get(exit);
    return type ? { name, type } : { name };
  };
  const body: Graph = {
    ...emptyGraph(`${unit.id}:on`),
    nodes: inside.map((node) => ({ ...renameUses(node, on), outputs: node.outputs.map(on) })),
    outputs: exits.map(({ exit }) => output(exit, on(exit))),
  };
  // Gates made before stand at the end of the outer graph: inside a wider unit they need their place again.
  const kept: Graph = { ...body, nodes: topologicalOrder(body) };
  const off = (exit: string) => `${exit}:off:${unit.id}`;
  const bypassed: Graph = {
    ...emptyGraph(`${unit.id}:off`),
    nodes: exits.map(({ exit, entry }) => identity(entry, off(exit))),
    outputs: exits.map(({ exit }) => output(exit, off(exit))),
  };
  const branch: Node = {
    name: `If:${unit.id}`,
    domain: '',
    opType: 'If',
    inputs: [keep],
    outputs: exits.map(({ exit }) => exit),
    attributes: new Map([
      ['then_branch', { kind: 'graph', value: kept }],
      ['else_branch', { kind: 'graph', value: bypassed }],
    ]),
  };
  const moved = new Set(inside);
  return { ...graph, nodes: [...graph.nodes.filter((node) => !moved.has(node)), branch] };
}

/** Nodes that die when the unit is bypassed and that depend on an input: in graph order. */
function exclusiveNodes(graph: Graph, unit: Block, stream: ReadonlySet<string>): readonly Node[] {
  const before = liveNames(graph);
  const after = liveNames(rewire(graph, unit.rewires));
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const renamed = (name: string) => (outputs.has(name) && unit.rewires.some(({ exit }) => exit === name) ? `${name}:dropped` : name);
  return graph.nodes.filter((node) => node.outputs.some((name) => before.has(name)) && node.outputs.every((name) => !after.has(renamed(name))) && node.outputs.some((name) => stream.has(name)));
}

/** Values that live nodes make. */
function liveNames(graph: Graph): ReadonlySet<string> {
  return new Set(removeDeadCode(graph).nodes.flatMap((node) => node.outputs).filter((name) => name !== ''));
}

/** Everything that depends on a graph input, shapes of it included: the rest is constant and stays outside. */
function streamValues(graph: Graph): ReadonlySet<string> {
  const found = new Set(graph.inputs.map(({ name }) => name).filter((name) => !graph.initializers.has(name)));
  for (const node of topologicalOrder(graph)) if (usedNames(node).some((name) => found.has(name))) for (const name of node.outputs) found.add(name);
  return found;
}

function emptyGraph(name: string): Graph {
  return { name, nodes: [], initializers: new Map(), inputs: [], outputs: [], valueInfo: new Map() };
}
