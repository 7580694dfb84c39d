/**
 * The tree of a network without a U whose modules are known: units under the modules that they are in, numbered modules
 * around them (a resolution of a decoder), and what is left of those as layers that stay.
 */
import { present } from '../errors/present';
import type { AtomTree } from './atomTree';
import { kindOf } from './atomTree';
import type { BlockKind } from './block';
import type { Draft, DraftRewire, Place } from './draft';
import { stayingReason } from './draft';
import type { Flow } from './flow';
import { shapeOf } from './flow';
import { exclusiveNodes } from './graphIndex';
import type { Modules } from './modules';
import { modulesAround } from './modules';
import type { ModuleUnit } from './moduleUnits';
import { moduleUnits } from './moduleUnits';
import { isAttention } from './operators';
import { conditioningReason } from './ownership';
import { isInside } from './scopes';
import { inStructuralOrder } from './transformerTree';

/** A unit, or a module around units that is none itself. */
interface Entry {
  readonly id: string;
  readonly unit?: ModuleUnit;
  readonly members: Entry[];
}

/** `trees`: all atoms, inner ones included, in execution order. */
export function moduleTree(flow: Flow, modules: Modules, trees: readonly AtomTree[]): readonly Draft[] {
  const units = moduleUnits(flow, modules, inStructuralOrder(flow, trees));
  const builder = new Builder(flow, modules, trees);
  return nested(modules, units).map((entry) => builder.draft(entry));
}

/** Units by the narrowest unit or numbered module that they are in. */
function nested(modules: Modules, units: readonly ModuleUnit[]): readonly Entry[] {
  const entries = new Map<string, Entry>(units.map((unit) => [unit.id, { id: unit.id, unit, members: [] }]));
  const isList = (path: string) => /\.\d+$|^\d+$/.test(path);
  for (const unit of units) {
    const around = modulesAround(unit.module, modules.called).filter((path) => path !== unit.id && isList(path));
    for (const path of around) if (!entries.has(path)) entries.set(path, { id: path, members: [] });
  }
  const roots: Entry[] = [];
  for (const entry of entries.values()) {
    const module = entry.unit?.module ?? entry.id;
    const around = modulesAround(module, modules.called).filter((path) => path !== entry.id && entries.has(path));
    (around.length > 0 ? present(entries.get(present(around.at(-1)))).members : roots).push(entry);
  }
  return roots;
}

class Builder {
  private readonly convolves: boolean;
  /** Sum -> its place in the order of the network. */
  private readonly places: ReadonlyMap<number, number>;

  constructor(
    private readonly flow: Flow,
    private readonly modules: Modules,
    trees: readonly AtomTree[],
  ) {
    this.places = new Map(inStructuralOrder(flow, trees).map(({ atom }, place) => [atom.exit, place]));
    this.convolves = trees.some((tree) => ['resnet', 'temporal-conv'].includes(kindOf(flow, tree, {})));
  }

  draft(entry: Entry): Draft {
    const children = this.inOrder(entry.members.map((member) => this.draft(member)));
    const { unit } = entry;
    if (!unit) return this.container(entry.id, children);
    const exits = unit.rewires.map(({ exit }) => exit);
    const nodes = unit.reason
      ? this.nodesIn(unit.module)
      : exclusiveNodes(
          this.flow,
          exits,
          unit.rewires.map(({ entry: value }) => value),
        );
    const reason = unit.reason ?? stayingReason(this.flow, nodes);
    const place = this.placeOf(unit);
    const output = unit.rewires.at(-1)?.exit ?? unit.trees.at(-1)?.atom.exit;
    const rewires = reason ? [] : this.withSums(unit, entry.members);
    return { id: unit.id, kind: this.kind(unit, children), ...place, rewires, reason, nodes, children, output };
  }

  /** A module's own sums go with it, those too that only its inside reads: then it is no more than its parts. */
  private withSums({ rewires, role }: ModuleUnit, members: readonly Entry[]): readonly DraftRewire[] {
    if (role !== 'module' || rewires.some(({ exit }) => !this.places.has(exit))) return rewires;
    const sums = members.flatMap(({ unit }) => (unit && unit.role !== 'module' ? unit.rewires : []));
    const merged = new Map([...sums, ...rewires].map(({ exit, entry }) => [exit, entry]));
    const place = (exit: number) => present(this.places.get(exit));
    return [...merged].sort(([a], [b]) => place(a) - place(b)).map(([exit, entry]) => ({ exit, entry }));
  }

  /** A numbered module that holds units and is none: its other parts are layers of it. */
  private container(path: string, units: readonly Draft[]): Draft {
    const taken = new Set(units.flatMap(({ nodes }) => nodes));
    const rest = this.nodesIn(path).filter((node) => !taken.has(node) && this.flow.weighted[node]);
    const layers = new Map<string, number[]>();
    for (const node of rest) {
      const around = modulesAround(present(this.modules.scopes[node]), this.modules.called);
      const layer = around.find((module) => module !== path && isInside(module, path));
      if (layer !== undefined) layers.set(layer, [...(layers.get(layer) ?? []), node]);
    }
    const ids = new Set(units.map(({ id }) => id));
    const drafts = [...layers].filter(([id]) => !ids.has(id)).map(([id, nodes]) => this.layer(id, nodes));
    const children = this.inOrder([...units, ...drafts]);
    const kept = children.find(({ reason }) => reason !== undefined);
    const reason = kept
      ? `${kept.id} in it has to stay. ${kept.reason}`
      : 'It is more than its parts, and nothing passes all of it unchanged.';
    const place = children.find(({ section }) => section === 'body') ?? present(children[0]);
    const kind = units.some((unit) => unit.kind === 'resnet' || unit.kind === 'stage') ? 'stage' : 'transformer';
    return {
      id: path,
      kind,
      section: place.section,
      level: 0,
      rewires: [],
      reason,
      nodes: [],
      children,
      output: units.at(-1)?.output,
    };
  }

  /** What a container holds beside its units, such as an upsampler. */
  private layer(id: string, nodes: readonly number[]): Draft {
    const [before, after] = this.shapesAround(id);
    const onTrunk = nodes.some((node) => present(this.flow.outputs[node]).some((value) => this.flow.trunk[value]));
    const resized = before && after && before.slice(-2).join() !== after.slice(-2).join() && after.length > 3;
    const changed = before && after && before.join() !== after.join();
    const reason = !onTrunk
      ? conditioningReason
      : changed
        ? `It turns ${before.join('x')} into ${after.join('x')}, so what comes in cannot stand in for what goes out.`
        : 'Nothing passes it unchanged: no skip connection leads around all of its weights.';
    const kind = resized ? 'sampler' : 'layer';
    return { id, kind, section: onTrunk ? 'body' : 'in', level: 0, rewires: [], reason, nodes, children: [] };
  }

  /** Of the deepest value of the trunk that a module reads, and of the first result that it makes of the trunk. */
  private shapesAround(module: string): readonly (readonly number[] | undefined)[] {
    const { flow } = this;
    const inside = new Set(this.nodesIn(module));
    const read = [...inside]
      .flatMap((node) => present(flow.data[node]))
      .filter((value) => flow.trunk[value] && !inside.has(present(flow.producer[value])));
    if (read.length === 0) return [undefined, undefined];
    const deepest = read.reduce((a, b) => (present(flow.depth[b]) > present(flow.depth[a]) ? b : a));
    const made = (this.modules.results.get(module) ?? []).filter((value) => flow.trunk[value]);
    const last =
      made.length === 0 ? undefined : made.reduce((a, b) => (present(flow.depth[b]) > present(flow.depth[a]) ? b : a));
    return [shapeOf(flow, deepest), last === undefined ? undefined : shapeOf(flow, last)];
  }

  private kind({ role, trees }: ModuleUnit, children: readonly Draft[]): BlockKind {
    if (trees.length === 0) return 'layer';
    if (children.some(({ kind, id }) => kind === 'resnet' && /\d$/.test(id))) return 'stage';
    const heart = kindOf(this.flow, present(trees[0]), {});
    if (role === 'module' && this.convolves && (heart === 'resnet' || heart === 'temporal-conv')) return heart;
    const attends = trees.some(({ atom }) => atom.branch.some((node) => isAttention(present(this.flow.nodes[node]))));
    if (role !== 'module') return attends ? 'attention' : 'feed-forward';
    if (this.convolves && children.length === 0 && trees.length === 1) return heart;
    return 'transformer';
  }

  private placeOf({ rewires, trees }: ModuleUnit): Place {
    const onTrunk = [...rewires, ...trees.map(({ atom }) => atom)].some(({ exit }) => this.flow.trunk[exit]);
    return { section: onTrunk ? 'body' : 'in', level: 0 };
  }

  private nodesIn(module: string): readonly number[] {
    return this.modules.scopes.flatMap((scope, node) => (isInside(scope, module) ? [node] : []));
  }

  /** By the first sum of each; layers by their first node, after the sum that is before it in the file. */
  private inOrder(drafts: readonly Draft[]): readonly Draft[] {
    const byNode = [...this.places].map(([exit, place]) => ({ node: present(this.flow.producer[exit]), place }));
    const at = ({ nodes, sums }: { nodes: readonly number[]; sums: readonly number[] }): number => {
      const own = sums.flatMap((exit) => this.places.get(exit) ?? []);
      if (own.length > 0) return Math.min(...own);
      const before = byNode.filter(({ node }) => node < (nodes[0] ?? Number.POSITIVE_INFINITY));
      return Math.max(-1, ...before.map(({ place }) => place)) + 0.5;
    };
    const sumsOf = (draft: Draft): readonly number[] => [
      ...draft.rewires.map(({ exit }) => exit),
      ...(draft.output === undefined ? [] : [draft.output]),
      ...draft.children.flatMap(sumsOf),
    ];
    return drafts
      .map((draft) => ({ draft, key: at({ nodes: draft.nodes, sums: sumsOf(draft) }) }))
      .sort((a, b) => a.key - b.key)
      .map(({ draft }) => draft);
  }
}
