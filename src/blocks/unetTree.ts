/**
 * Stages, pairs and layers of a U-Net, from the skips alone: a value kept for later ends a down pair or a sampler, a
 * join starts an up pair, the middle lies between the last kept value and the first join. Names only label.
 */
import { present } from '../errors/present';
import type { AtomTree } from './atomTree';
import { convolutionArea, isPlainBlend, modulePath } from './atomTree';
import type { BlockKind } from './block';
import type { Draft, Place } from './draft';
import { parentDraft } from './draft';
import type { Flow } from './flow';
import { shapeOf } from './flow';
import { exclusiveNodes } from './graphIndex';
import { layerDraft } from './layerDraft';
import { commonPath, isInside, lastNumberedModule } from './scopes';
import type { SkipJoin, TrunkChain } from './trunkChain';

/** A stretch of the chain, bounds included. */
interface Run {
  readonly first: number;
  readonly last: number;
  readonly join?: SkipJoin;
}

export interface UNet {
  readonly blocks: readonly Draft[];
  /** For each level: the join above which everything deeper can go, and the sampler that leads down. */
  readonly inner: readonly { readonly level: number; readonly join: SkipJoin; readonly members: readonly string[] }[];
}

/** `undefined` when the chain has no two skips that meet again: no U. */
export function unetTree(flow: Flow, chain: TrunkChain): UNet | undefined {
  const { joins, items } = chain;
  const kept = [...new Set(joins.map(({ from }) => from))].sort((a, b) => a - b);
  const firstJoin = joins[0];
  if (joins.length < 2 || kept.length < 2 || !firstJoin || present(kept.at(-1)) >= firstJoin.at) return undefined;
  const downRuns = kept.slice(1).map((last, i): Run => ({ first: present(kept[i]) + 1, last }));
  const upRuns = joins.map((join, i): Run => ({ first: join.at, last: (joins[i + 1]?.at ?? items.length) - 1, join }));
  const builder = new StageBuilder(flow, chain);
  const head = builder.layers({ first: 0, last: present(kept[0]) }, { section: 'in', level: 0 }, 'in');
  const down = builder.downStages(downRuns);
  const mid = builder.middle({ first: present(kept.at(-1)) + 1, last: firstJoin.at - 1 }, down.level);
  const up = builder.upStages(upRuns, down.level);
  const middle = mid ? [mid] : [];
  const blocks = [...head, ...down.stages, ...middle, ...up.stages, ...up.tail];
  const inner = up.firstJoins.flatMap(({ level, join }) => {
    const sampler = down.samplers.get(level);
    if (sampler === undefined) return [];
    const stages = [
      ...down.stages.filter((stage) => stage.level > level),
      ...middle,
      ...up.stages.filter((stage) => stage.level > level),
    ];
    return [{ level: level + 1, join, members: [sampler, ...stages.map(({ id }) => id)] }];
  });
  return { blocks, inner };
}

/** Carries the area of the hidden state along while the chain is read from its start. */
class StageBuilder {
  private area: number | undefined;

  constructor(
    private readonly flow: Flow,
    private readonly chain: TrunkChain,
  ) {
    this.area = this.nextArea(0);
  }

  downStages(runs: readonly Run[]): { stages: Draft[]; samplers: Map<number, string>; level: number } {
    const stages: Draft[] = [];
    const samplers = new Map<number, string>();
    let [level, pairs]: [number, Draft[]] = [0, []];
    const close = (): void => {
      if (pairs.length > 0) stages.push(this.stage('down', level, stages.length, pairs));
      pairs = [];
    };
    for (const run of runs) {
      const place: Place = { section: 'down', level };
      const count = pairs.filter(({ kind }) => kind === 'pair').length;
      const [pair, sampler] = this.pairAndSampler(run, place, `down.${stages.length}`, count);
      if (pair) pairs.push(pair);
      if (!sampler) continue;
      pairs.push(sampler);
      samplers.set(level, sampler.id);
      close();
      level++;
    }
    close();
    return { stages, samplers, level };
  }

  upStages(
    runs: readonly Run[],
    deepest: number,
  ): { stages: Draft[]; tail: readonly Draft[]; firstJoins: { level: number; join: SkipJoin }[] } {
    const stages: Draft[] = [];
    const firstJoins: { level: number; join: SkipJoin }[] = [];
    let tail: readonly Draft[] = [];
    let [level, pairs]: [number, Draft[]] = [deepest, []];
    const close = (): void => {
      if (pairs.length > 0) stages.push(this.stage('up', level, stages.length, pairs));
      pairs = [];
    };
    runs.forEach((run, i) => {
      const place: Place = { section: 'up', level };
      if (pairs.length === 0 && run.join) firstJoins.push({ level, join: run.join });
      const count = pairs.filter(({ kind }) => kind === 'pair').length;
      const [pair, sampler] = this.pairAndSampler(run, place, `up.${stages.length}`, count, i === runs.length - 1);
      if (pair) pairs.push(pair);
      if (sampler && i < runs.length - 1) {
        pairs.push(sampler);
        close();
        level--;
      } else if (sampler) tail = [sampler];
    });
    close();
    return { stages, tail, firstJoins: firstJoins.filter(({ level: at }) => at < deepest) };
  }

  middle(run: Run, level: number): Draft | undefined {
    const children = this.layers(run, { section: 'mid', level }, 'mid');
    if (children.length === 0) return undefined;
    const path = commonPath(children.map((child) => child.id));
    return parentDraft(this.flow, path || 'mid', 'stage', { section: 'mid', level }, children);
  }

  /** Layers of a run, stretches between atoms that hold weights included. */
  layers(run: Run, place: Place, prefix: string): Draft[] {
    const drafts: Draft[] = [];
    let start = run.first;
    const names = new Map<string, number>();
    const layers = this.layerAtoms(run);
    for (const { atoms, first, last } of layers) {
      const gap = this.gap(start, first - 1, place, `${prefix}.conv`, 'layer');
      if (gap) drafts.push(gap);
      drafts.push(this.layer(atoms, place, prefix, names));
      start = last + 1;
    }
    const gap = this.gap(start, run.last, place, `${prefix}.conv`, 'layer');
    if (gap) drafts.push(gap);
    return drafts;
  }

  /** A pair of the run's layers and, where weights or a change of resolution follow them, a sampler (or the tail). */
  private pairAndSampler(
    run: Run,
    place: Place,
    stage: string,
    index: number,
    isLast = false,
  ): [Draft | undefined, Draft | undefined] {
    const atoms = this.layerAtoms(run);
    const end = atoms.at(-1)?.last ?? run.first - 1;
    const inside: Run = { ...run, last: end };
    const children = this.layers(inside, place, `${stage}.pair.${index}`);
    const path = commonPath(children.map(({ id }) => id));
    const pairId = children.length === 0 ? '' : this.pairId(path, children, stage, index);
    const pair = children.length === 0 ? undefined : parentDraft(this.flow, pairId, 'pair', place, children);
    const tail: Place = { section: 'out', level: 0 };
    const sampler = isLast
      ? this.gap(end + 1, run.last, tail, 'out', 'layer')
      : this.gap(end + 1, run.last, place, `${stage}.sampler`, 'sampler');
    return [pair, sampler];
  }

  /** `stage.pairs.1` where the layers are numbered lists of the stage, the module itself where the pair is one. */
  private pairId(path: string, children: readonly Draft[], stage: string, index: number): string {
    if (path === '' || children.some(({ id }) => id.startsWith(`${stage}.pair.`))) return `${stage}.pair.${index}`;
    const isModule =
      children.length > 1 && /\.\d+$/.test(path) && children.every(({ id }) => /^\.\d+$/.test(id.slice(path.length)));
    if (isModule) return path;
    const owner = children.length > 1 ? path : path.replace(/\.\w+\.\d+$/, '');
    return owner === path && children.length === 1 ? `${stage}.pair.${index}` : `${owner}.pairs.${index}`;
  }

  private stage(section: 'down' | 'up', level: number, index: number, children: readonly Draft[]): Draft {
    const owners = children.map(({ id }) => id.replace(/\.(pairs|pair)\.\d+$/, ''));
    const path = commonPath(owners);
    const id = path !== '' && /\d$/.test(path) && path !== present(children[0]).id ? path : `${section}.${index}`;
    return parentDraft(this.flow, id, 'stage', { section, level }, children);
  }

  /** Consecutive atoms that make one layer: a resnet with its temporal side is one. */
  private layerAtoms(run: Run): { atoms: AtomTree[]; first: number; last: number }[] {
    const layers: { atoms: AtomTree[]; first: number; last: number }[] = [];
    for (let at = run.first; at <= run.last; at++) {
      const tree = this.chain.items[at]?.tree;
      if (!tree) continue;
      const current = layers.at(-1);
      if (current && this.continues(present(current.atoms[0]), tree)) {
        current.atoms.push(tree);
        current.last = at;
      } else layers.push({ atoms: [tree], first: at, last: at });
    }
    return layers;
  }

  private continues(head: AtomTree, tree: AtomTree): boolean {
    if (tree.atom.kind === 'blend') return isPlainBlend(this.flow, tree);
    return head.path !== '' && tree.path !== head.path && isInside(tree.path, head.path);
  }

  private layer(atoms: readonly AtomTree[], place: Place, prefix: string, names: Map<string, number>): Draft {
    for (const { atom } of atoms)
      for (const node of atom.branch) this.area = convolutionArea(this.flow, node) ?? this.area;
    return layerDraft(this.flow, atoms, { place, prefix, names, area: this.area });
  }

  /** Weights on the chain outside atoms: a sampler, the first or the last convolution. */
  private gap(first: number, last: number, place: Place, fallback: string, kind: BlockKind): Draft | undefined {
    const { items } = this.chain;
    const values = items
      .slice(first, last + 1)
      .filter(({ tree }) => !tree)
      .map(({ value }) => value);
    if (values.length === 0) return undefined;
    const start = items[first - 1]?.value;
    const nodes = exclusiveNodes(this.flow, values, start === undefined ? [] : [start]);
    const weighted = nodes.filter((node) => this.flow.weighted[node]);
    const resized =
      start !== undefined &&
      kind === 'sampler' &&
      elements(this.flow, start) !== elements(this.flow, present(values.at(-1)));
    if (weighted.length === 0 && !resized) return undefined;
    for (const node of nodes) this.area = convolutionArea(this.flow, node) ?? this.area;
    const path = lastNumberedModule(
      commonPath(weighted.map((node) => modulePath(this.flow, node)).filter((found) => found !== '')),
    );
    return {
      id: path || fallback,
      kind,
      ...place,
      rewires: [],
      reason: gapReason(kind, place),
      nodes,
      children: [],
      output: values.at(-1),
    };
  }

  private nextArea(from: number): number | undefined {
    for (const { value } of this.chain.items.slice(from)) {
      const node = present(this.flow.producer[value]);
      const area = node < 0 ? undefined : convolutionArea(this.flow, node);
      if (area !== undefined) return area;
    }
    return undefined;
  }
}

function gapReason(kind: BlockKind, { section }: Place): string {
  if (kind === 'sampler') return 'It changes the resolution: without it the stages around it do not fit together.';
  if (section === 'in') return 'It turns the latent into the hidden state that every other block works on.';
  if (section === 'out') return 'It turns the hidden state into the output.';
  return 'Nothing passes it unchanged: it has no skip connection around it.';
}

const elements = (flow: Flow, value: number): number | undefined => shapeOf(flow, value)?.reduce((a, b) => a * b, 1);
