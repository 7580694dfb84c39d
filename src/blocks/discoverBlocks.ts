/**
 * The tree of a denoiser's blocks, read from its graph: what can go by residual structure, stages and pairs by skips,
 * blocks of transformers by module or repetition. Names only label; a graph without any gives the same tree.
 */
import { present } from '../errors/present';
import type { Model, TensorType } from '../onnx/model';
import type { AtomTree } from './atomTree';
import { allTrees, nestAtoms } from './atomTree';
import type { Block, BlockTree, Rewire } from './block';
import { countTotals } from './countTotals';
import { denoiserTypes } from './denoiserTypes';
import { distinctIds } from './distinctIds';
import type { Draft } from './draft';
import { findAtoms } from './findAtoms';
import type { Flow } from './flow';
import { analyse } from './flow';
import { innerStages } from './innerStages';
import { findLatentInput } from './latentInput';
import { layerParts } from './layerParts';
import type { Modules } from './modules';
import { modulesOf } from './modules';
import { moduleTree } from './moduleTree';
import { notesOn } from './notes';
import type { Holdings, Ownership } from './ownership';
import { assignOwners } from './ownership';
import { transformerTree } from './transformerTree';
import { trunkChain } from './trunkChain';
import { unetTree } from './unetTree';

export interface DiscoverOptions {
  /** Symbolic dimension name -> size. */
  readonly bindings: ReadonlyMap<string, number>;
  /** What `denoiserTypes` gives for these bindings, where it is at hand already. */
  readonly types?: ReadonlyMap<string, TensorType>;
  /** Overrides the guess by name and rank. */
  readonly latentInput?: string;
}

/** Throws `blocks/no-latent-input`, and `onnx/invalid-graph` as shape inference does. */
export function discoverBlocks(model: Model, options: DiscoverOptions): BlockTree {
  const latentInput = findLatentInput(model, options.latentInput);
  const flow = analyse(model, options.types ?? denoiserTypes(model, options.bindings), latentInput);
  const trees = nestAtoms(flow, findAtoms(flow));
  const unet = unetTree(flow, trunkChain(flow, trees));
  const modules = modulesOf(flow);
  const drafts = unet
    ? [...besideTrunk(flow, modules, trees), ...unet.blocks]
    : modules
      ? moduleTree(flow, modules, allTrees(flow, trees))
      : transformerTree(flow, trees);
  const ownership = assignOwners(flow, drafts, unet ? undefined : modules?.scopes);
  const roots = inOrder(flow, [...drafts, ...ownership.outside]);
  const builder = blockBuilder(flow, ownership);
  const built = roots.map(builder);
  if (hasAny(ownership.shared)) built.push(sharedLeaf(ownership.shared, built));
  const blocks = distinctIds(built);
  const groups = unet ? innerStages(flow, unet, blocks) : [];
  const parts = unet && modules ? layerParts(flow, modules, allTrees(flow, trees), blocks) : [];
  const totals = countTotals(model, flow.types);
  return { latentInput, blocks, groups, parts, notes: notesOn(flow, blocks), totals };
}

/** Of a U-Net, blocks that a condition runs through before it meets the latent: they lie on no way of the U. */
function besideTrunk(flow: Flow, modules: Modules | undefined, trees: readonly AtomTree[]): readonly Draft[] {
  const onTrunk = (node: number) => present(flow.outputs[node]).some((value) => flow.trunk[value]);
  const beside = trees.filter(({ atom }) => !flow.trunk[atom.exit]);
  if (!modules || beside.length === 0) return [];
  const isBeside = (draft: Draft): boolean => !draft.nodes.some(onTrunk) && draft.children.every(isBeside);
  return moduleTree(flow, modules, allTrees(flow, beside)).filter(isBeside);
}

function inOrder(flow: Flow, drafts: readonly Draft[]): readonly Draft[] {
  const key = (draft: Draft): number => {
    const sums = draft.rewires.map(({ exit }) => present(flow.producer[exit]));
    if (draft.children.length > 0) return Math.min(...draft.children.map(key), ...sums);
    if (sums.length > 0) return Math.min(...sums);
    return draft.output === undefined ? (draft.nodes[0] ?? Infinity) : present(flow.producer[draft.output]);
  };
  return drafts
    .map((draft) => ({ draft, at: key(draft) }))
    .sort((a, b) => a.at - b.at)
    .map(({ draft }) => draft);
}

/** Blocks out of drafts; counts depth, so drafts must come in execution order. */
function blockBuilder(flow: Flow, { own, ownPath }: Ownership): (draft: Draft) => Block {
  let leaves = 0;
  const build = (draft: Draft): Block => {
    const depth = leaves;
    const holdings = own.get(draft) ?? { parameters: 0, bytes: 0, macs: 0 };
    const children = draft.children.map(build);
    if (children.length === 0) leaves++;
    else if (hasAny(holdings)) children.push(commonLeaf(draft, holdings, ownPath.get(draft) ?? '', leaves++));
    const sum = (key: keyof Holdings) =>
      children.reduce((total, child) => total + child[key], children.length === 0 ? holdings[key] : 0);
    return {
      id: draft.id,
      kind: draft.kind,
      section: draft.section,
      level: draft.level,
      depth,
      parameters: sum('parameters'),
      bytes: sum('bytes'),
      macs: sum('macs'),
      droppable: draft.reason === undefined,
      ...(draft.reason === undefined ? {} : { reason: draft.reason }),
      rewires: draft.rewires.map(
        ({ exit, entry }): Rewire => ({ exit: present(flow.names[exit]), entry: present(flow.names[entry]) }),
      ),
      children,
      ...(draft.output === undefined ? {} : { output: present(flow.names[draft.output]) }),
    };
  };
  return build;
}

const hasAny = ({ parameters, bytes, macs }: Holdings): boolean => parameters > 0 || bytes > 0 || macs > 0;

/** What a block holds beyond the layers that can go alone. */
function commonLeaf(parent: Draft, holdings: Holdings, path: string, depth: number): Block {
  const taken = new Set(parent.children.map(({ id }) => id));
  const id = path.startsWith(`${parent.id}.`) && !taken.has(path) ? path : `${parent.id}#shared`;
  const reason = `It belongs to ${parent.id} as a whole${parent.reason === undefined ? ' and goes when that goes' : ''}.`;
  return {
    id,
    kind: 'layer',
    section: parent.section,
    level: parent.level,
    depth,
    ...holdings,
    droppable: false,
    reason,
    rewires: [],
    children: [],
  };
}

function sharedLeaf(holdings: Holdings, blocks: readonly Block[]): Block {
  const leaves = (block: Block): number =>
    block.children.length === 0 ? 1 : block.children.reduce((sum, child) => sum + leaves(child), 0);
  const depth = blocks.reduce((sum, block) => sum + leaves(block), 0);
  return {
    id: 'shared',
    kind: 'layer',
    section: 'in',
    level: 0,
    depth,
    ...holdings,
    droppable: false,
    reason: 'Several blocks use these weights.',
    rewires: [],
    children: [],
  };
}
