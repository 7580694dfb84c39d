/**
 * The tree stage -> pair -> layer of a denoiser, read from its graph: layers by module path, what can go by
 * residual structure (`findAtoms`, `bypass`), weights by who alone uses them.
 */
import { StudioError } from '../errors/StudioError';
import { elementCount, tensorByteLength } from '../onnx/dataTypes';
import type { Model, Node } from '../onnx/model';
import { countMacs } from '../onnx/shapes/countMacs';
import type { Block, BlockTree, Rewire, Section } from './block';
import { bypass } from './bypass';
import { countTotals, isWeight } from './countTotals';
import type { Dataflow } from './dataflow';
import { analyse, dataInputs, shapeOf } from './dataflow';
import type { Atom } from './findAtoms';
import { findAtoms } from './findAtoms';
import { innerStages } from './innerStages';
import type { LayerPath } from './layerPaths';
import { layerPath } from './layerPaths';
import { moduleScopes } from './scopes';

export interface DiscoverOptions {
  /** Symbolic dimension name -> size. */
  readonly bindings: ReadonlyMap<string, number>;
  /** Overrides the guess by name and rank. */
  readonly latentInput?: string;
}

/** A layer while the tree is built. */
export interface Layer {
  readonly path: LayerPath;
  readonly nodes: Set<Node>;
  readonly block: Block;
}

/** Throws `blocks/no-latent-input`. */
export function discoverBlocks(model: Model, options: DiscoverOptions): BlockTree {
  const latentInput = options.latentInput ?? guessLatent(model);
  const flow = analyse(model, options.bindings, latentInput);
  const atoms = new Map(findAtoms(flow).map((atom) => [atom.exit, atom]));
  const regions = layerRegions(flow);
  const weights = ownWeights(flow, regions);
  const layers = [...regions].map(([id, { path, nodes }]): Layer => ({ path, nodes, block: leaf(flow, atoms, id, path, nodes, weights.get(id)) }));
  layers.sort((a, b) => firstPosition(flow, a.nodes) - firstPosition(flow, b.nodes));
  const placed = place(flow, layers);
  const blocks = buildTree(placed);
  const shared = weights.get('');
  if (shared) blocks.push(sharedLeaf(shared, layers.length));
  const notes = placed.length === 0 ? ['The graph names no modules: its blocks cannot be told apart.'] : [];
  return { latentInput, blocks, groups: innerStages(flow, placed, blocks), notes, totals: countTotals(model, flow.types) };
}

const LATENT_NAMES = ['sample', 'latent_model_input', 'noisy_latents', 'latents', 'latent', 'hidden_states', 'x'];

function guessLatent(model: Model): string {
  const inputs = model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name));
  const named = LATENT_NAMES.find((name) => inputs.some((input) => input.name === name));
  if (named !== undefined) return named;
  const ranked = inputs.toSorted((a, b) => (b.type?.shape?.length ?? 0) - (a.type?.shape?.length ?? 0))[0];
  if (ranked && (ranked.type?.shape?.length ?? 0) >= 3) return ranked.name;
  throw new StudioError('blocks/no-latent-input', `None of the inputs (${inputs.map(({ name }) => name).join(', ')}) can be told to be the latent clip.`, { inputs: inputs.map(({ name }) => name) });
}

/** Layer id -> its nodes. Nodes without a scope of their own go with the layer that made what they read. */
function layerRegions(flow: Dataflow): Map<string, { path: LayerPath; nodes: Set<Node> }> {
  const scopes = moduleScopes(flow.graph);
  const regions = new Map<string, { path: LayerPath; nodes: Set<Node> }>();
  const layerOf = new Map<Node, string>();
  for (const node of flow.order) {
    const scope = scopes.get(node)!;
    const path = scope === '' ? undefined : layerPath(scope);
    const inherited = scope === '' ? inheritedLayer(flow, node, layerOf) : undefined;
    const id = path?.layer ?? inherited;
    if (id === undefined) continue;
    const region = regions.get(id) ?? { path: path!, nodes: new Set<Node>() };
    regions.set(id, region);
    region.nodes.add(node);
    layerOf.set(node, id);
  }
  return regions;
}

/** Only when every user is in the same layer too, so that joins between layers stay outside. */
function inheritedLayer(flow: Dataflow, node: Node, layerOf: ReadonlyMap<Node, string>): string | undefined {
  const makers = new Set(dataInputs(node).filter((name) => flow.trunk.has(name)).map((name) => layerOf.get(flow.madeBy.get(name)!)));
  return makers.size === 1 ? [...makers][0] : undefined;
}

interface Weights {
  parameters: number;
  bytes: number;
}

/** Layer id ('' for weights that several layers use) -> weights. */
function ownWeights(flow: Dataflow, regions: ReadonlyMap<string, { nodes: Set<Node> }>): ReadonlyMap<string, Weights> {
  const layerOf = new Map<Node, string>();
  for (const [id, { nodes }] of regions) for (const node of nodes) layerOf.set(node, id);
  const result = new Map<string, Weights>();
  for (const [name, tensor] of flow.graph.initializers) {
    if (!isWeight(tensor)) continue;
    const users = layersUsing(flow, layerOf, name);
    const id = users.size === 1 ? [...users][0]! : '';
    const sum = result.get(id) ?? { parameters: 0, bytes: 0 };
    sum.parameters += elementCount(tensor.dims);
    sum.bytes += tensorByteLength(tensor);
    result.set(id, sum);
  }
  return result;
}

/** Layers that read a constant, looking through what is computed from constants alone (fp16 storage with a Cast, ...). */
function layersUsing(flow: Dataflow, layerOf: ReadonlyMap<Node, string>, constant: string): ReadonlySet<string> {
  const users = new Set<string>();
  const pending = [constant];
  const seen = new Set<string>();
  while (pending.length > 0) {
    const name = pending.pop()!;
    if (seen.has(name)) continue;
    seen.add(name);
    for (const node of flow.usedBy.get(name) ?? []) {
      const alive = node.outputs.some((output) => flow.stream.has(output));
      if (alive) users.add(layerOf.get(node) ?? '');
      else pending.push(...node.outputs);
    }
  }
  return users;
}

function leaf(flow: Dataflow, atoms: ReadonlyMap<string, Atom>, id: string, path: LayerPath, nodes: ReadonlySet<Node>, weights: Weights | undefined): Block {
  const outcome = path.kind === 'sampler' ? { reason: 'It changes the resolution: without it the stages around it do not fit.' } : bypass(flow, nodes, atoms);
  const rewires = 'rewires' in outcome ? outcome.rewires : [];
  const reason = 'rewires' in outcome ? {} : { reason: outcome.reason };
  const output = rewires[0]?.exit;
  return {
    id,
    kind: path.kind,
    section: path.section ?? 'in',
    level: 0,
    depth: 0,
    parameters: weights?.parameters ?? 0,
    bytes: weights?.bytes ?? 0,
    macs: [...nodes].reduce((sum, node) => sum + countMacs(node, flow.types), 0),
    droppable: rewires.length > 0,
    ...reason,
    rewires,
    children: [],
    ...(output === undefined ? {} : { output }),
  };
}

function sharedLeaf(weights: Weights, depth: number): Block {
  return {
    id: 'shared',
    kind: 'layer',
    section: 'in',
    level: 0,
    depth,
    ...weights,
    macs: 0,
    droppable: false,
    reason: 'Several layers use these weights.',
    rewires: [],
    children: [],
  };
}

function firstPosition(flow: Dataflow, nodes: ReadonlySet<Node>): number {
  let first = Infinity;
  for (const node of nodes) if (node.outputs.some((name) => flow.stream.has(name))) first = Math.min(first, flow.position.get(node)!);
  return first;
}

/** Depth by execution order, level by resolution, in and out by position. */
function place(flow: Dataflow, layers: readonly Layer[]): readonly Layer[] {
  const levels = resolutionLevels(flow, layers);
  const staged = layers.map(({ path }) => path.section !== undefined);
  const first = staged.indexOf(true);
  return layers.map((layer, depth) => {
    const section: Section = layer.path.section ?? (first < 0 || depth < first ? 'in' : staged.indexOf(true, depth) < 0 ? 'out' : 'in');
    const level = layer.path.stage === undefined ? 0 : (levels.get(layer.path.stage) ?? 0);
    return { ...layer, block: { ...layer.block, depth, section, level } };
  });
}

/** Stage -> rank of its resolution, 0 the highest. A stage's resolution is that of its layers other than samplers. */
function resolutionLevels(flow: Dataflow, layers: readonly Layer[]): ReadonlyMap<string, number> {
  const areas = new Map<string, number>();
  for (const { path, nodes } of layers) {
    if (path.stage === undefined || path.kind === 'sampler' || areas.has(path.stage)) continue;
    const convolution = [...nodes].find((node) => node.opType.includes('Conv'));
    const shape = convolution && shapeOf(flow, convolution.outputs[0]!);
    if (shape && shape.length >= 4) areas.set(path.stage, shape.at(-1)! * shape.at(-2)!);
  }
  const ranks = [...new Set(areas.values())].sort((a, b) => b - a);
  return new Map([...areas].map(([stage, area]) => [stage, ranks.indexOf(area)]));
}

function buildTree(layers: readonly Layer[]): Block[] {
  const blocks: Block[] = [];
  const stages = new Map<string, Layer[]>();
  for (const layer of layers) {
    const { stage } = layer.path;
    if (stage === undefined) blocks.push(layer.block);
    else if (stages.has(stage)) stages.get(stage)!.push(layer);
    else {
      stages.set(stage, [layer]);
      blocks.push(layer.block); // holds the place
    }
  }
  const built = new Map([...stages].map(([id, members]) => [members[0]!.block, stageBlock(id, members)]));
  return blocks.map((block) => built.get(block) ?? block);
}

function stageBlock(id: string, layers: readonly Layer[]): Block {
  const children: Block[] = [];
  const section = layers[0]!.block.section;
  const pairs = new Map<number, Block[]>();
  for (const { path, block } of layers) {
    if (path.pair === undefined || section === 'mid') children.push(block);
    else pairs.set(path.pair, [...(pairs.get(path.pair) ?? []), block]);
  }
  for (const [index, members] of pairs) children.push(parent(`${id}.pairs.${index}`, 'pair', members));
  return parent(id, 'stage', children.toSorted((a, b) => a.depth - b.depth));
}

/** Names the layer at the bottom of it, once. */
function keptReason(kept: Block): string {
  const deeper = kept.children.find((child) => !child.droppable);
  return deeper ? keptReason(deeper) : `${kept.id} in it has to stay. ${kept.reason ?? ''}`.trim();
}

/** A block that goes when all its children go. */
function parent(id: string, kind: 'stage' | 'pair', children: readonly Block[]): Block {
  const kept = children.find((child) => !child.droppable);
  const sum = (key: 'parameters' | 'bytes' | 'macs') => children.reduce((total, child) => total + child[key], 0);
  const rewires: readonly Rewire[] = kept ? [] : children.flatMap((child) => child.rewires);
  const reason = kept ? { reason: keptReason(kept) } : {};
  const output = rewires.at(-1)?.exit;
  return {
    id,
    kind,
    section: children[0]!.section,
    level: Math.max(...children.map(({ level }) => level)),
    depth: children[0]!.depth,
    parameters: sum('parameters'),
    bytes: sum('bytes'),
    macs: sum('macs'),
    droppable: !kept,
    ...reason,
    rewires,
    children,
    ...(output === undefined ? {} : { output }),
  };
}

