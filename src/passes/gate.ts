/**
 * One graph for the teacher and every student: each droppable unit goes into the then-branch of `If(keep)`, `keep`
 * being a boolean scalar input; the else-branch passes the unit's entry on. Weights, and whatever is computed from
 * them alone, stay in the outer graph: inside a branch the runtime would hold them twice.
 */

import type { BlockTree } from '../blocks/block';
import { indexBlocks, type Plan, resolvePlan } from '../blocks/plan';
import { present } from '../errors/present';
import { type FreshName, freshNames } from '../onnx/freshNames';
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
  const fresh = freshNames(graph);
  const gates = new Map(regions.map(({ unit }) => [unit.id, fresh(`keep:${unit.id}`)]));
  const inside = new Set(regions.flatMap(({ nodes }) => nodes));
  const top = regions
    .filter(({ parent }) => parent === undefined)
    .map((region) => branchNode(region, { regions, types, gates, fresh }));
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

/**
 * The tree whose graph has gates for the parts of layers that a plan drops, beside those for layers: too fine to have all
 * of them always. The tree itself for a plan of layers.
 */
export function treeForPlan(tree: BlockTree, plan: Plan): BlockTree {
  const parts = partsIn(tree, plan);
  if (parts.length === 0) return tree;
  const index = indexBlocks(tree);
  return { ...tree, groups: [...tree.groups, ...parts.map((id) => present(index.get(id)).block)] };
}

/** Parts of layers that a plan names, sorted: what a gated graph for it is known by. */
export function partsIn(tree: BlockTree, { dropped }: Plan): readonly string[] {
  const index = indexBlocks(tree);
  return dropped.filter((id) => index.get(id)?.isPart).sort();
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

interface Gating {
  readonly regions: readonly GateRegion[];
  readonly types: ReadonlyMap<string, TensorType>;
  readonly gates: ReadonlyMap<string, string>;
  readonly fresh: FreshName;
}

/** The If of a region, with those of the regions inside it. */
function branchNode(region: GateRegion, gating: Gating): Node {
  const { regions, types, gates, fresh } = gating;
  const { unit, exits, own } = region;
  const onNames = new Map(exits.map(({ exit }) => [exit, fresh(`${exit}:on:${unit.id}`)]));
  const offNames = new Map(exits.map(({ exit }) => [exit, fresh(`${exit}:off:${unit.id}`)]));
  const output = (exit: string, name: string): ValueInfo => {
    const type = types.get(exit);
    return type ? { name, type } : { name };
  };
  const on = (name: string) => onNames.get(name) ?? name;
  const inner = regions.filter(({ parent }) => parent === region).map((child) => branchNode(child, gating));
  const nodes = [...own, ...inner].map((node): Node => ({ ...renameUses(node, on), outputs: node.outputs.map(on) }));
  const kept = { ...emptyGraph(`${unit.id}:on`), nodes, outputs: exits.map(({ exit }) => output(exit, on(exit))) };
  const off = (exit: string) => present(offNames.get(exit));
  const bypassed: Graph = {
    ...emptyGraph(`${unit.id}:off`),
    nodes: exits.map(({ exit, entry }) => identity(entry, off(exit), fresh(`Identity:${off(exit)}`))),
    outputs: exits.map(({ exit }) => output(exit, off(exit))),
  };
  return {
    name: fresh(`If:${unit.id}:${present(exits[0]).exit}`),
    domain: '',
    opType: 'If',
    inputs: [present(gates.get(unit.id))],
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
