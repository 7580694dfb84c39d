/**
 * Atoms nested by containment: an attention layer around its transformer block, a time mixer around its temporal
 * branch. Also what an atom is made of and which module it came from. Structure first; names only label.
 */
import { present } from '../errors/present';
import type { BlockKind } from './block';
import type { Atom } from './findAtoms';
import type { Flow } from './flow';
import { rootOf, shapeOf } from './flow';
import { exclusiveNodes } from './graphIndex';
import { isAttention, isChannelsLast, isConvolution } from './operators';
import { commonPath, moduleScope, weightScope } from './scopes';

export interface AtomTree {
  readonly atom: Atom;
  /** Nodes that only this atom needs. */
  readonly nodes: readonly number[];
  /** Atoms in its branch, in execution order. */
  readonly children: readonly AtomTree[];
  /** Module path that all its weights share; '' without names. */
  readonly path: string;
}

/** Top-level atoms in execution order. */
export function nestAtoms(flow: Flow, atoms: readonly Atom[]): readonly AtomTree[] {
  interface Open extends AtomTree {
    readonly children: Open[];
  }
  const open = atoms.map((atom): Open => {
    const nodes = exclusiveNodes(flow, [atom.exit], [atom.entry]);
    const own = new Set(nodes);
    const weights = atom.branch.filter((node) => flow.weighted[node]);
    const exclusive = weights.filter((node) => own.has(node)); // none where two streams share one feed-forward
    const paths = (exclusive.length > 0 ? exclusive : weights).map((node) => modulePath(flow, node));
    return { atom, nodes, children: [], path: commonPath(paths.filter((path) => path !== '')) };
  });
  const parent = new Map<Open, Open>();
  const around = new Map<number, Open>(); // node -> the narrowest branch seen so far that holds it
  for (const tree of open.toSorted((a, b) => b.atom.branch.length - a.atom.branch.length)) {
    const outer = around.get(present(flow.producer[tree.atom.exit]));
    if (outer) parent.set(tree, outer);
    for (const node of tree.atom.branch) around.set(node, tree);
  }
  const top: Open[] = [];
  for (const tree of open) (parent.get(tree)?.children ?? top).push(tree);
  return top;
}

/** Atoms inside branches too, in execution order. */
export function allTrees(flow: Flow, top: readonly AtomTree[]): readonly AtomTree[] {
  const below = (tree: AtomTree): readonly AtomTree[] => [tree, ...tree.children.flatMap(below)];
  return top.flatMap(below).sort((a, b) => present(flow.producer[a.atom.exit]) - present(flow.producer[b.atom.exit]));
}

/** Steps to the next node of the same module: a quantiser leaves its nodes without a scope, but those around keep theirs. */
const maxScopeSteps = 4;

/** Module path of a node by its own scope, by the names of its weights, else by the scope of what alone reads it. */
export function modulePath(flow: Flow, at: number): string {
  let node = at;
  for (let step = 0; step < maxScopeSteps; step++) {
    const path = ownPath(flow, node);
    if (path !== '') return path;
    const readers = present(flow.outputs[node]).flatMap((value) => present(flow.users[value]));
    if (readers.length !== 1) return '';
    node = present(readers[0]);
  }
  return '';
}

/** As `modulePath`, for the last weights of a branch: what reads them is outside, so what they read is asked first. */
export function lastModulePath(flow: Flow, at: number): string {
  let node = at;
  for (let step = 0; step < maxScopeSteps && node >= 0; step++) {
    const path = ownPath(flow, node);
    if (path !== '') return path;
    const operands = present(flow.data[node]).filter((value) => flow.stream[value]);
    const makers = new Set(operands.map((value) => present(flow.producer[value]))); // a quantiser's three results come from one node
    if (makers.size !== 1) break;
    node = present([...makers][0]);
  }
  return modulePath(flow, at);
}

const ownPath = (flow: Flow, node: number): string =>
  moduleScope(present(flow.nodes[node])) ||
  weightScope(
    present(flow.uses[node])
      .filter((value) => !flow.stream[value])
      .map((value) => present(flow.names[value])),
  );

export interface KindOptions {
  /** Height times width of the latent at this place; absent when unknown. */
  readonly area?: number | undefined;
  /** Attention layers of the same pair that came before. */
  readonly attentionsBefore?: number;
}

/** What the branch of an atom does, by its operators and shapes. */
export function kindOf(flow: Flow, tree: AtomTree, { area, attentionsBefore = 0 }: KindOptions): BlockKind {
  const inner = new Set(tree.children.flatMap(({ atom }) => atom.branch));
  const own = tree.atom.branch.filter((node) => !inner.has(node));
  const kernels = own.filter((node) => isConvolution(present(flow.nodes[node]))).map((node) => kernelKind(flow, node));
  if (kernels.includes('spatial')) return 'resnet';
  if (kernels.includes('temporal')) return 'temporal-conv';
  if (tree.atom.kind === 'blend' && tree.children.length > 0)
    return tree.children.some((child) => kindOf(flow, child, { area }) === 'temporal-conv')
      ? 'temporal-conv'
      : 'temporal';
  if (tree.children.some(({ atom }) => atom.kind === 'blend')) return 'attention';
  const attention = tree.atom.branch.filter((node) => isAttention(present(flow.nodes[node])));
  if (attention.length === 0)
    return tree.atom.branch.filter((node) => flow.weighted[node]).length > 1 ? 'feed-forward' : 'layer';
  const asked = attention.map((node) => queries(flow, node)).find((count) => count !== undefined);
  if (asked === undefined || area === undefined) return 'attention';
  if (asked.tokens !== area) return 'temporal';
  // As many frames as places: in every published U-Net, space comes before time.
  const bothFit = asked.sequences % area === 0 && asked.sequences >= area;
  return bothFit && (/temp|motion/.test(tree.path) || (tree.path === '' && attentionsBefore > 0))
    ? 'temporal'
    : 'spatial';
}

/** 3x3 and 1x3x3 are spatial, 3 and 3x1x1 temporal, the rest pointwise. */
export function kernelKind(flow: Flow, at: number): 'spatial' | 'temporal' | 'pointwise' {
  const kernel = kernelOf(flow, at);
  if (kernel.length >= 2 && kernel.slice(-2).every((size) => size > 1)) return 'spatial';
  return kernel.some((size) => size > 1) ? 'temporal' : 'pointwise';
}

function kernelOf(flow: Flow, at: number): readonly number[] {
  const node = present(flow.nodes[at]);
  const attribute = node.attributes.get('kernel_shape');
  if (attribute?.kind === 'ints') return attribute.value.map(Number);
  const weight = flow.ids.get(node.inputs[node.opType === 'QLinearConv' ? 3 : 1] ?? '');
  return (weight === undefined ? undefined : shapeOf(flow, weight)?.slice(2)) ?? [];
}

/** Height times width that a convolution with a spatial kernel puts out. */
export function convolutionArea(flow: Flow, at: number): number | undefined {
  const node = present(flow.nodes[at]);
  if (!isConvolution(node) || kernelKind(flow, at) !== 'spatial') return undefined;
  const shape = shapeOf(flow, present(flow.outputs[at])[0]);
  if (!shape || shape.length < 4) return undefined;
  return isChannelsLast(node)
    ? present(shape.at(-3)) * present(shape.at(-2))
    : present(shape.at(-2)) * present(shape.at(-1));
}

/** How many tokens ask in an attention, and in how many sequences (times heads where they are split off). */
function queries(flow: Flow, at: number): { tokens: number; sequences: number } | undefined {
  const node = present(flow.nodes[at]);
  const shape = shapeOf(flow, flow.ids.get(node.inputs[0] ?? ''));
  if (!shape || shape.length < 2) return undefined;
  const axis = node.opType === 'Softmax' || shape.length === 4 ? shape.length - 2 : 1;
  return { tokens: present(shape[axis]), sequences: shape.slice(0, axis).reduce((product, size) => product * size, 1) };
}

/** Does a blend do nothing but mix its input with one branch on it? Then both are the same layer. */
export function isPlainBlend(flow: Flow, tree: AtomTree): boolean {
  const [child, ...more] = tree.children;
  if (tree.atom.kind !== 'blend' || !child || more.length > 0) return false;
  return pureRoot(flow, child.atom.entry) === pureRoot(flow, tree.atom.entry);
}

/** As `rootOf`, stopping where something is added. */
function pureRoot(flow: Flow, value: number): number {
  let current = value;
  for (;;) {
    const node = flow.nodes[present(flow.producer[current])];
    if (!node || node.opType === 'Add') return current;
    const root = rootOf(flow, current);
    if (root === current) return current;
    const next = present(flow.ids.get(present(node.inputs[0])));
    current = flow.stream[next] ? next : root;
  }
}
