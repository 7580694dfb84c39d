/**
 * One graph for the teacher and every student: each droppable unit goes into the then-branch of `If(keep)`, `keep`
 * being a boolean scalar input; the else-branch passes the unit's entry on. Weights, and whatever is computed from
 * them alone, stay in the outer graph: inside a branch the runtime would hold them twice.
 */
import type { BlockTree, Plan } from '../blocks/block';
import { resolvePlan } from '../blocks/resolvePlan';
import { renameUses, topologicalOrder } from '../onnx/graph';
import type { Graph, Model, Node, TensorType, ValueInfo } from '../onnx/model';
import { castsIntoBranches } from './castsIntoBranches';
import type { GateRegion } from './gateRegions';
import { gateRegions, gateUnits } from './gateRegions';
import { identity } from './rewire';
import { withValues } from './surgeryGraph';

export interface GatedModel {
  readonly model: Model;
  /** Unit id -> name of its boolean scalar graph input; true keeps the unit. */
  readonly gates: ReadonlyMap<string, string>;
}

/** `types`: value -> type, for the branches' outputs; a value without one gets a branch output without a type. */
export function gate(model: Model, tree: BlockTree, types: ReadonlyMap<string, TensorType> = new Map()): GatedModel {
  const units = gateUnits(tree);
  const whole = withValues(
    model,
    units.flatMap(({ rewires }) => rewires),
  );
  const { graph } = whole;
  const regions = gateRegions(graph, units);
  const gates = new Map(regions.map(({ unit }) => [unit.id, `keep:${unit.id}`]));
  const inside = new Set(regions.flatMap(({ nodes }) => nodes));
  const top = regions.filter(({ parent }) => parent === undefined).map((region) => branchNode(region, regions, types));
  const inputs = [...gates.values()].map((name): ValueInfo => ({ name, type: { dataType: 'bool', shape: [] } }));
  const made = new Set(regions.flatMap(({ nodes }) => nodes.flatMap(({ outputs }) => outputs)));
  const valueInfo = new Map([...graph.valueInfo].filter(([name]) => !made.has(name)));
  const gated: Graph = {
    ...graph,
    inputs: [...graph.inputs, ...inputs],
    valueInfo,
    nodes: [...graph.nodes.filter((node) => !inside.has(node)), ...top],
  };
  return { model: { ...whole, graph: castsIntoBranches({ ...gated, nodes: topologicalOrder(gated) }) }, gates };
}

/** What each gate is fed under a plan. Throws as `resolvePlan`. */
export function gateFeeds(
  gates: ReadonlyMap<string, string>,
  tree: BlockTree,
  plan: Plan,
): ReadonlyMap<string, boolean> {
  const gone = new Set(resolvePlan(tree, plan).goneIds);
  const dropped = new Set(plan.dropped);
  return new Map([...gates].map(([id, input]) => [input, !(gone.has(id) || dropped.has(id))]));
}

/** The If of a region, with those of the regions inside it. */
function branchNode(region: GateRegion, regions: readonly GateRegion[], types: ReadonlyMap<string, TensorType>): Node {
  const { unit, exits, own } = region;
  const exitNames = new Set(exits.map(({ exit }) => exit));
  const output = (exit: string, name: string): ValueInfo => {
    const type = types.get(exit);
    return type ? { name, type } : { name };
  };
  const on = (name: string) => (exitNames.has(name) ? `${name}:on:${unit.id}` : name);
  const inner = regions.filter(({ parent }) => parent === region).map((child) => branchNode(child, regions, types));
  const nodes = [...own, ...inner].map((node): Node => ({ ...renameUses(node, on), outputs: node.outputs.map(on) }));
  const kept = { ...emptyGraph(`${unit.id}:on`), nodes, outputs: exits.map(({ exit }) => output(exit, on(exit))) };
  const off = (exit: string) => `${exit}:off:${unit.id}`;
  const bypassed: Graph = {
    ...emptyGraph(`${unit.id}:off`),
    nodes: exits.map(({ exit, entry }) => identity(entry, off(exit))),
    outputs: exits.map(({ exit }) => output(exit, off(exit))),
  };
  return {
    name: `If:${unit.id}:${exits[0]!.exit}`,
    domain: '',
    opType: 'If',
    inputs: [`keep:${unit.id}`],
    outputs: exits.map(({ exit }) => exit),
    attributes: new Map([
      ['then_branch', { kind: 'graph', value: { ...kept, nodes: topologicalOrder(kept) } }],
      ['else_branch', { kind: 'graph', value: bypassed }],
    ]),
  };
}

function emptyGraph(name: string): Graph {
  return { name, nodes: [], initializers: new Map(), inputs: [], outputs: [], valueInfo: new Map() };
}
