/**
 * Which nodes go into which gate: for every unit the nodes that nothing needs without it, nested where one unit
 * holds another. Regions that overlap without nesting are parted, so that each node has one place.
 */

import type { Block, BlockTree, Rewire } from '../blocks/block';
import type { GraphIndex } from '../blocks/graphIndex';
import { exclusiveNodes, indexGraph } from '../blocks/graphIndex';
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import type { Graph, Node } from '../onnx/model';

export interface GateRegion {
  readonly unit: Block;
  /** Of the unit's rewires, resolved through one another, those whose exit other nodes read. */
  readonly exits: readonly Rewire[];
  /** All nodes of the region, those of regions inside included. */
  readonly nodes: readonly Node[];
  /** Nodes that are in no region inside. */
  readonly own: readonly Node[];
  readonly parent?: GateRegion | undefined;
}

/**
 * Units with a gate of their own: droppable leaves, blocks that are more than their children, groups. A block whose
 * drop is the union of its children's needs none.
 */
export function gateUnits(tree: BlockTree): readonly Block[] {
  const units: Block[] = [];
  const visit = (block: Block): void => {
    block.children.forEach(visit);
    if (block.droppable && (block.children.length === 0 || !isUnion(block))) units.push(block);
  };
  tree.blocks.forEach(visit);
  return [...units, ...tree.groups];
}

function isUnion(block: Block): boolean {
  const inner = new Set(block.children.flatMap(({ rewires }) => rewires).map(({ exit }) => exit));
  const holdsMore = block.children.some(({ droppable }) => !droppable);
  return !holdsMore && block.rewires.every(({ exit }) => inner.has(exit));
}

interface Open {
  readonly unit: Block;
  readonly rewires: readonly Rewire[];
  readonly exitNodes: ReadonlySet<number>;
  readonly nodes: Set<number>;
}

/** In how many regions a node may lie on average; published models have at most 4. The runtime recurses as deep. */
const DEEPEST_ON_AVERAGE = 32;

/** Throws `engine/session-failed` where blocks lie so deep in each other that no runtime takes the gates. */
export function gateRegions(graph: Graph, units: readonly Block[]): readonly GateRegion[] {
  const index = indexGraph(graph);
  const dynamic = dynamicNodes(index);
  const open: Open[] = [];
  let placed = 0;
  for (const unit of units) {
    const regions = openRegions(index, dynamic, unit).filter(({ nodes }) => nodes.size > 0);
    open.push(...regions);
    placed += regions.reduce((sum, { nodes }) => sum + nodes.size, 0);
    if (placed > DEEPEST_ON_AVERAGE * index.nodes.length)
      throw new StudioError(
        'engine/session-failed',
        `The blocks of this graph lie more than ${DEEPEST_ON_AVERAGE} deep in each other (at ${unit.id}): it cannot be run with its blocks switched on and off. Its map, plans and exports work.`,
        { unit: unit.id },
      );
  }
  const ordered = open.toSorted((a, b) => b.nodes.size - a.nodes.size);
  part(index, ordered);
  const usable = ordered.filter(
    ({ exitNodes, nodes }) => nodes.size > 0 && [...exitNodes].every((node) => nodes.has(node)),
  );
  return nest(
    index,
    usable.toSorted((a, b) => b.nodes.size - a.nodes.size),
  );
}

/** Nodes that depend on a graph input, shapes of it included: the rest is constant and stays outside. */
function dynamicNodes(index: GraphIndex): Uint8Array {
  const dynamic = new Uint8Array(index.nodes.length);
  const inputs = new Set(
    index.graph.inputs
      .map(({ name }) => present(index.ids.get(name)))
      .filter((value) => !index.graph.initializers.has(present(index.names[value]))),
  );
  index.uses.forEach((values, node) => {
    if (
      values.some(
        (value) =>
          inputs.has(value) || (present(index.producer[value]) >= 0 && dynamic[present(index.producer[value])] === 1),
      )
    )
      dynamic[node] = 1;
  });
  return dynamic;
}

/**
 * One region for all rewires of a unit where nothing outside lies between two of them; else one region each, behind
 * the same gate: exporters that share a computation between blocks leave such nodes.
 */
function openRegions(index: GraphIndex, dynamic: Uint8Array, unit: Block): readonly Open[] {
  const whole = openRegion(index, dynamic, unit, unit.rewires);
  if (whole.rewires.length < 2 || isConvex(index, whole)) return [whole];
  return unit.rewires.map((rewire) => openRegion(index, dynamic, unit, [rewire]));
}

/** No path leaves the region and comes back. */
function isConvex(index: GraphIndex, { nodes, rewires }: Open): boolean {
  const seen = new Set<number>();
  const values = rewires.map(({ exit }) => present(index.ids.get(exit)));
  for (let value = values.pop(); value !== undefined; value = values.pop()) {
    for (const user of present(index.users[value])) {
      if (nodes.has(user)) {
        if (!nodes.has(present(index.producer[value]))) return false;
        continue;
      }
      if (seen.has(user)) continue;
      seen.add(user);
      values.push(...present(index.outputs[user]));
    }
  }
  return true;
}

function openRegion(index: GraphIndex, dynamic: Uint8Array, unit: Block, rewiresOfRegion: readonly Rewire[]): Open {
  const direct = new Map(rewiresOfRegion.map(({ exit, entry }) => [exit, entry]));
  const resolve = (name: string): string => (direct.has(name) ? resolve(present(direct.get(name))) : name);
  const exits = rewiresOfRegion.map(({ exit }) => present(index.ids.get(exit)));
  const nodes = new Set(
    exclusiveNodes(
      index,
      exits,
      rewiresOfRegion.map(({ entry }) => present(index.ids.get(entry))),
    ).filter((node) => dynamic[node]),
  );
  const outer = rewiresOfRegion.filter(({ exit }) => {
    const value = present(index.ids.get(exit));
    return index.isOutput[value] === 1 || present(index.users[value]).some((user) => !nodes.has(user));
  });
  const rewires = outer.map(({ exit }) => ({ exit, entry: resolve(exit) }));
  return {
    unit,
    rewires,
    nodes,
    exitNodes: new Set(rewires.map(({ exit }) => present(index.producer[present(index.ids.get(exit))]))),
  };
}

/** Takes from each region what overlaps another without nesting, and then what those nodes need. Widest first. */
function part(index: GraphIndex, regions: readonly Open[]): void {
  const holders: Open[][] = index.nodes.map(() => []);
  for (const region of regions) for (const node of region.nodes) present(holders[node]).push(region);
  for (const region of regions) {
    const others = new Set([...region.nodes].flatMap((node) => present(holders[node])));
    let lost = false;
    for (const other of others) {
      if (other === region || isSubset(other.nodes, region.nodes) || isSubset(region.nodes, other.nodes)) continue;
      const common = [...other.nodes].filter((node) => region.nodes.has(node));
      const keeps =
        common.some((node) => region.exitNodes.has(node)) && !common.some((node) => other.exitNodes.has(node));
      if (keeps) continue;
      for (const node of common) region.nodes.delete(node);
      lost = true;
    }
    if (lost) closeRegion(index, region);
  }
}

const isSubset = (inner: ReadonlySet<number>, outer: ReadonlySet<number>): boolean =>
  inner.size <= outer.size && [...inner].every((node) => outer.has(node));

/** Removes nodes that something outside the region reads, other than through an exit. */
function closeRegion(index: GraphIndex, { nodes, rewires }: Open): void {
  const exits = new Set(rewires.map(({ exit }) => present(index.ids.get(exit))));
  for (const node of [...nodes].sort((a, b) => b - a)) {
    const leaves = present(index.outputs[node]).some(
      (value) => !exits.has(value) && present(index.users[value]).some((user) => !nodes.has(user)),
    );
    if (leaves) nodes.delete(node);
  }
}

/** `regions`: widest first, so that a region's surroundings come before it. */
function nest(index: GraphIndex, regions: readonly Open[]): readonly GateRegion[] {
  const built: { open: Open; own: Set<number>; parent: number }[] = [];
  const narrowest = new Int32Array(index.nodes.length).fill(-1);
  for (const open of regions) {
    let parent = present(narrowest[present(open.nodes.values().next().value)]);
    while (parent >= 0 && !isSubset(open.nodes, present(built[parent]).open.nodes))
      parent = present(built[parent]).parent;
    const at = built.push({ open, own: new Set(open.nodes), parent }) - 1;
    for (const node of open.nodes) {
      const outer = present(narrowest[node]);
      if (outer >= 0) present(built[outer]).own.delete(node);
      narrowest[node] = at;
    }
  }
  const inOrder = (nodes: ReadonlySet<number>): Node[] =>
    [...nodes].sort((a, b) => a - b).map((node) => present(index.nodes[node]));
  const results: GateRegion[] = [];
  for (const { open, own, parent } of built) {
    results.push({
      unit: open.unit,
      exits: open.rewires,
      nodes: inOrder(open.nodes),
      own: inOrder(own),
      parent: parent < 0 ? undefined : results[parent],
    });
  }
  return results;
}
