/**
 * What can go from a graph whose modules are known, each under the path of the module that it stands for: modules that
 * hold their own skip connections, and modules whose result is what a skip connection adds. What is part of a module and
 * has no path of its own is `MODULE#1`, `MODULE#2`, which no module can be called.
 */
import { present } from '../errors/present';
import type { AtomTree } from './atomTree';
import type { DraftRewire } from './draft';
import type { Atom } from './findAtoms';
import type { Flow } from './flow';
import { sameType, shapeOf } from './flow';
import type { Modules } from './modules';
import { modulesAround } from './modules';
import { isPureView } from './operators';
import { numbersOf, passageThrough } from './passage';
import { commonPath, isInside } from './scopes';

export interface ModuleUnit {
  readonly id: string;
  /** The module that it is or, for a part, that it is part of. */
  readonly module: string;
  /** module: the identity in its place. branch: zeros in its place. part: one of several sums of a module. */
  readonly role: 'module' | 'branch' | 'part';
  /** Empty where a reason says why it has to stay. */
  readonly rewires: readonly DraftRewire[];
  readonly trees: readonly AtomTree[];
  readonly reason?: string;
}

/** A module that can go as a whole, and the sums that each of its results passes, the last first. */
interface Whole {
  readonly unit: ModuleUnit;
  readonly passages: readonly (readonly Atom[])[];
  readonly treeOf: (atom: Atom) => AtomTree;
}

/** `trees`: all atoms, inner ones included, in the order in which units are to name them. */
export function moduleUnits(flow: Flow, modules: Modules, trees: readonly AtomTree[]): readonly ModuleUnit[] {
  const { whole, staying, ends } = wholeModules(flow, modules, trees);
  const conditions = conditionModules(flow, modules, whole);
  const branches = branchModules(flow, modules, trees);
  const found = new Map<string, ModuleUnit>();
  // Where two are the same module, the one that can go stands for it.
  for (const unit of [
    ...staying,
    ...branches.filter(({ reason }) => reason),
    ...branches,
    ...ends,
    ...conditions,
    ...whole.map(({ unit }) => unit),
  ])
    if (!found.has(unit.id) || !unit.reason) found.set(unit.id, unit);
  return [...found.values(), ...parts(modules, flow, whole, branches)];
}

/** Modules whose results all pass them by; those around a sum that do not, with the reason. */
function wholeModules(
  flow: Flow,
  modules: Modules,
  trees: readonly AtomTree[],
): { whole: readonly Whole[]; staying: readonly ModuleUnit[]; ends: readonly ModuleUnit[] } {
  const byExit = new Map(trees.map((tree) => [tree.atom.exit, tree]));
  const atoms = new Map(trees.map(({ atom }) => [atom.exit, atom]));
  const scopeOf = ({ atom }: AtomTree) => present(modules.scopes[present(flow.producer[atom.exit])]);
  const holdsSums = new Set(trees.flatMap((tree) => modulesAround(scopeOf(tree), modules.called)));
  const onTrunk = trees.filter(({ atom }) => flow.trunk[atom.exit] === 1).map(scopeOf);
  const adding = new Set(trees.map(scopeOf));
  const treeOf = ({ exit }: Atom) => present(byExit.get(exit));
  const whole: Whole[] = [];
  const staying: ModuleUnit[] = [];
  const loose: { readonly module: string; readonly found: Through }[] = [];
  for (const module of holdsSums) {
    const found = throughModule(flow, modules, atoms, module);
    const base = { id: module, module, role: 'module' as const };
    if (typeof found === 'string') {
      const within = (node: number) => !flow.weighted[node] || isInside(present(modules.scopes[node]), module);
      const own = trees.filter((tree) => scopeOf(tree) === module && tree.atom.branch.every(within));
      if (own.length > 0) staying.push({ ...base, rewires: [], trees: own, reason: found });
    } else if (found.atoms.length > 0 && !holdsBranches(flow, modules, module, found)) {
      loose.push({ module, found });
    } else if (found.atoms.length > 0 && !isWholeStack(module, onTrunk, adding)) {
      whole.push({
        unit: { ...base, rewires: found.rewires, trees: found.atoms.map(treeOf) },
        passages: found.passages,
        treeOf,
      });
    }
  }
  const ends = loose.flatMap(({ module, found }) => endOfBranch(flow, modules, module, found, whole, treeOf));
  return { whole, staying, ends };
}

/**
 * Is a branch that a module ends all its own, or not at all (a blend)? BERT's `attention.output` multiplies by its weights what
 * `attention.self` began.
 */
function holdsBranches(flow: Flow, modules: Modules, module: string, { atoms }: Through): boolean {
  return atoms.every(({ branch }) => {
    const weighted = branch.filter((node) => flow.weighted[node]);
    const own = weighted.filter((node) => isInside(present(modules.scopes[node]), module));
    return own.length === 0 || own.length === weighted.length;
  });
}

/** Such an end by the smallest module that holds the whole branch: a part of it, or nothing where it is all of it. */
function endOfBranch(
  flow: Flow,
  modules: Modules,
  module: string,
  { atoms, rewires }: Through,
  whole: readonly Whole[],
  treeOf: (atom: Atom) => AtomTree,
): readonly ModuleUnit[] {
  if (endsAlone(flow, modules, module, atoms))
    return [{ id: module, module, role: 'module', rewires, trees: atoms.map(treeOf) }];
  const weighted = atoms.flatMap(({ branch }) => branch.filter((node) => flow.weighted[node]));
  const path = commonPath([module, ...weighted.map((node) => present(modules.scopes[node]))]);
  const around = whole.find(({ unit }) => unit.module === path);
  const isIn = (one: DraftRewire) => rewires.some(({ exit, entry }) => exit === one.exit && entry === one.entry);
  if (!around || around.unit.rewires.every(isIn)) return [];
  const ordered = around.passages.map((found) => found.toReversed());
  const place = Math.max(...ordered.map((found) => found.findIndex((atom) => atoms.includes(atom))));
  if (place < 0) return [];
  return [{ id: `${path}#${place + 1}`, module: path, role: 'part', rewires, trees: atoms.map(treeOf) }];
}

/**
 * Is what passes such an end by the only thing of its size that it is given? A feed-forward in two modules, the second of which
 * projects back and adds: what the first made is wider, so the second without itself is what it was given to add to.
 */
function endsAlone(flow: Flow, modules: Modules, module: string, atoms: readonly Atom[]): boolean {
  const inside = (node: number) => isInside(present(modules.scopes[node]), module);
  const size = (value: number) => shapeOf(flow, value)?.reduce((product, dim) => product * dim, 1);
  return atoms.every(({ branch, entry }) => {
    const own = new Set(branch);
    const given = branch
      .filter(inside)
      .flatMap((node) => present(flow.data[node]))
      .filter((value) => own.has(present(flow.producer[value])) && !inside(present(flow.producer[value])));
    const sizes = given.map(size);
    return (
      sizes.length > 0 && sizes.every((one) => one !== undefined && one !== size(entry)) && size(entry) !== undefined
    );
  });
}

/**
 * Modules that scale the hidden state by 1 and what they make of a condition, or add to it what they make of one, and do no
 * more: without what they make, it passes them unchanged.
 */
function conditionModules(flow: Flow, modules: Modules, whole: readonly Whole[]): readonly ModuleUnit[] {
  const known = new Set(whole.map(({ unit }) => unit.id));
  return [...modules.called].flatMap((module): ModuleUnit[] => {
    const inside = (node: number) => isInside(present(modules.scopes[node]), module);
    // Parts of a condition that others read too are no results of its own.
    const results = (modules.results.get(module) ?? []).filter(
      (value) => flow.trunk[value] || madeByWeights(flow, inside, value),
    );
    const [result] = results;
    if (known.has(module) || results.length !== 1 || result === undefined || !flow.trunk[result]) return [];
    const entry = conditioned(flow, inside, result);
    return entry === undefined
      ? []
      : [{ id: module, module, role: 'module', rewires: [{ exit: result, entry }], trees: [] }];
  });
}

/** What came in from outside, where all that happens to it inside is scaling and shifting by conditions that are made there. */
function conditioned(flow: Flow, inside: (node: number) => boolean, result: number): number | undefined {
  let found = false;
  for (let value = result; ; ) {
    const node = present(flow.producer[value]);
    if (node < 0 || !inside(node)) return found && sameType(flow, value, result) ? value : undefined;
    const { opType, domain } = present(flow.nodes[node]);
    const data = present(flow.data[node]);
    const hidden = data.filter((operand) => flow.trunk[operand]);
    const [next] = hidden;
    if (next === undefined || hidden.length !== 1 || domain !== '') return undefined;
    if (!isPureView(present(flow.nodes[node]))) {
      const condition = data.find((operand) => operand !== next);
      if (condition === undefined || !flow.stream[condition] || !madeByWeights(flow, inside, condition))
        return undefined;
      if (opType !== 'Add' && !(opType === 'Mul' && isOnePlus(flow, condition))) return undefined;
      found = true;
    } else if (opType === 'Transpose') return undefined;
    value = next;
  }
}

/** 1 + f, in any form. */
function isOnePlus(flow: Flow, value: number): boolean {
  for (let current = value; ; ) {
    const node = present(flow.producer[current]);
    if (node < 0) return false;
    const { opType, domain, inputs } = present(flow.nodes[node]);
    if (opType === 'Add' && domain === '')
      return inputs.some((name) => {
        const values = numbersOf(flow, name);
        return values !== undefined && values.length > 0 && values.every((one) => one === 1);
      });
    const [shown] = present(flow.data[node]);
    if (!isPureView(present(flow.nodes[node])) || shown === undefined) return false;
    current = shown;
  }
}

/**
 * Everything there is, or a stack beside the trunk: its members can go one by one, all of it is no block. What `adds` itself
 * beside the trunk is no stack.
 */
function isWholeStack(module: string, onTrunk: readonly string[], adds: ReadonlySet<string>): boolean {
  if (/\.?\d+$/.test(module)) return false;
  const inside = onTrunk.filter((scope) => isInside(scope, module));
  if (inside.length === 0) return !adds.has(module);
  return inside.length === onTrunk.length;
}

interface Through {
  readonly rewires: readonly DraftRewire[];
  readonly atoms: readonly Atom[];
  readonly passages: readonly (readonly Atom[])[];
}

/** What replaces all results of a module; a sentence when one of them is made by its weights alone. */
function throughModule(
  flow: Flow,
  modules: Modules,
  atoms: ReadonlyMap<number, Atom>,
  module: string,
): Through | string {
  const inside = (node: number) => isInside(present(modules.scopes[node]), module);
  const rewires = new Map<number, number>();
  const crossed = new Set<Atom>();
  const passages: (readonly Atom[])[] = [];
  const results = modules.results.get(module) ?? [];
  const isHidden = (result: number) => flow.trunk[result] === 1 || !results.some((other) => flow.trunk[other]);
  for (const result of results) {
    const passage = passageThrough(flow, atoms, inside, result);
    if (typeof passage === 'string') {
      if (isHidden(result) && madeByWeights(flow, inside, result)) return passage;
      continue; // computed here for others too, such as a time embedding that the output uses as well: it stays
    }
    if (passage.direct) rewires.set(behindIdentity(flow, inside, result), passage.entry);
    else for (const { exit, entry } of passage.atoms) rewires.set(exit, entry);
    for (const atom of passage.atoms) crossed.add(atom);
    passages.push(passage.atoms);
  }
  const places = new Map([...atoms.keys()].map((exit, place) => [exit, place]));
  const place = (exit: number) => places.get(exit) ?? Number.POSITIVE_INFINITY;
  return {
    rewires: [...rewires].sort(([a], [b]) => place(a) - place(b)).map(([exit, entry]) => ({ exit, entry })),
    atoms: [...crossed].sort((a, b) => place(a.exit) - place(b.exit)),
    passages,
  };
}

/** A sum that is also an output may have its name from an Identity: what goes is the sum. */
function behindIdentity(flow: Flow, inside: (node: number) => boolean, result: number): number {
  let value = result;
  for (let node = present(flow.producer[value]); node >= 0 && inside(node); node = present(flow.producer[value])) {
    const [shown] = present(flow.data[node]);
    if (present(flow.nodes[node]).opType !== 'Identity' || shown === undefined) break;
    value = shown;
  }
  return value;
}

function madeByWeights(flow: Flow, inside: (node: number) => boolean, result: number): boolean {
  const seen = new Set<number>();
  const pending = [present(flow.producer[result])];
  while (pending.length > 0) {
    const node = present(pending.pop());
    if (node < 0 || seen.has(node) || !inside(node)) continue;
    if (flow.weighted[node]) return true;
    seen.add(node);
    for (const operand of present(flow.data[node]))
      if (flow.stream[operand]) pending.push(present(flow.producer[operand]));
  }
  return false;
}

/** Modules that hold whole branches, and not the sums that these are added in. */
function branchModules(flow: Flow, modules: Modules, trees: readonly AtomTree[]): readonly ModuleUnit[] {
  const groups = new Map<string, AtomTree[]>();
  for (const tree of trees) {
    const module = branchModule(flow, modules, tree);
    if (module !== undefined) groups.set(module, [...(groups.get(module) ?? []), tree]);
  }
  return [...groups].flatMap(([module, members]): ModuleUnit[] => {
    const branch = new Set(members.flatMap(({ atom }) => atom.branch));
    const inside = (node: number) => isInside(present(modules.scopes[node]), module);
    const sums = new Set(members.map(({ atom }) => present(flow.producer[atom.exit])));
    const isBranch = (node: number) => inside(node) || branch.has(node) || sums.has(node);
    const elsewhere = (modules.results.get(module) ?? []).some(
      (result) =>
        !(readers(flow, result).every(isBranch) && flow.isOutput[result] === 0) && madeByWeights(flow, inside, result),
    );
    const base = { id: module, module, role: 'branch' as const, trees: members };
    if (elsewhere)
      return [
        { ...base, rewires: [], reason: 'What it makes is read elsewhere too, where no skip connection passes it by.' },
      ];
    if (members.some((tree) => !endsIn(flow, tree, inside))) return [];
    const reason = members.find(({ atom }) => atom.reason)?.atom.reason;
    if (reason !== undefined) return [];
    return [{ ...base, rewires: members.map(({ atom: { exit, entry } }) => ({ exit, entry })) }];
  });
}

/** Who reads its values, and not its size alone. */
const readers = (flow: Flow, value: number): readonly number[] =>
  present(flow.users[value]).filter((user) => present(flow.data[user]).includes(value));

/** The outermost module that holds all weights of a branch and not the sum. */
function branchModule(flow: Flow, modules: Modules, { atom }: AtomTree): string | undefined {
  const weighted = atom.branch.filter((node) => flow.weighted[node]);
  const path = commonPath(weighted.map((node) => present(modules.scopes[node])));
  const sum = present(modules.scopes[present(flow.producer[atom.exit])]);
  if (path === sum) return lastModule(flow, modules, atom, sum);
  return isInside(path, sum) ? innerModule(modules, path, sum) : undefined;
}

const innerModule = (modules: Modules, path: string, outer: string): string | undefined =>
  modulesAround(path, modules.called).find((module) => module !== outer && isInside(module, outer));

/**
 * Of a branch that runs through several modules, the last one that is more than a single product: with zeros in the place
 * of what that makes, nothing is left to add.
 */
function lastModule(flow: Flow, modules: Modules, { exit, entry, branch }: Atom, outer: string): string | undefined {
  const nodes = new Set(branch);
  const before = (node: number) =>
    present(flow.data[node]).find((value) => value !== entry && nodes.has(present(flow.producer[value])));
  for (let value = before(present(flow.producer[exit])); value !== undefined; ) {
    const node = present(flow.producer[value]);
    const module = innerModule(modules, present(modules.scopes[node]), outer);
    const products = branch.filter(
      (at) => flow.weighted[at] && module && isInside(present(modules.scopes[at]), module),
    );
    if (module !== undefined) return products.length > 1 ? module : undefined;
    const { opType, domain } = present(flow.nodes[node]);
    if (!isPureView(present(flow.nodes[node])) && !(domain === '' && opType === 'Mul')) return undefined;
    value = before(node);
  }
  return undefined;
}

/** Is the sum that of the module's result, at most scaled or seen otherwise? A norm with a bias behind it adds more. */
function endsIn(flow: Flow, { atom }: AtomTree, inside: (node: number) => boolean): boolean {
  return atom.branch.every((node) => inside(node) || !addsConstant(flow, node) || !isBehind(flow, node, inside));
}

function addsConstant(flow: Flow, at: number): boolean {
  const { opType, inputs } = present(flow.nodes[at]);
  if (['LayerNormalization', 'GroupNormalization', 'InstanceNormalization', 'BatchNormalization'].includes(opType))
    return (inputs[2] ?? '') !== '';
  if (opType !== 'Add' && opType !== 'Sub') return false;
  return present(flow.data[at]).some(
    (value) => !flow.stream[value] && (shapeOf(flow, value) ?? [2]).some((dim) => dim > 1),
  );
}

/** Does a node of a branch work on what the module made? */
function isBehind(flow: Flow, at: number, inside: (node: number) => boolean): boolean {
  const seen = new Set<number>();
  const pending = [at];
  while (pending.length > 0) {
    const node = present(pending.pop());
    if (node < 0 || seen.has(node)) continue;
    if (inside(node)) return true;
    seen.add(node);
    if (node !== at && !isPureView(present(flow.nodes[node])) && flow.weighted[node]) continue;
    for (const operand of present(flow.data[node]))
      if (flow.stream[operand]) pending.push(present(flow.producer[operand]));
    if (seen.size > 60) return false;
  }
  return false;
}

/**
 * The sums of a module that adds several times, each in all of its calls: `MODULE#1` is the first of every call. A sum that
 * is a module's branch has its path already.
 */
function parts(
  modules: Modules,
  flow: Flow,
  whole: readonly Whole[],
  branches: readonly ModuleUnit[],
): readonly ModuleUnit[] {
  const taken = new Set(branches.flatMap(({ reason, trees }) => (reason ? [] : trees.map(({ atom }) => atom))));
  return whole.flatMap(({ unit, passages, treeOf }): ModuleUnit[] => {
    const own = passages.map((atoms) =>
      atoms.filter(({ exit }) => modules.scopes[present(flow.producer[exit])] === unit.module).toReversed(),
    );
    const most = Math.max(0, ...own.map((atoms) => atoms.length));
    if (most < 2) return [];
    return Array.from({ length: most }, (_, place): ModuleUnit[] => {
      const atoms = own.flatMap((found) => found[place] ?? []);
      if (atoms.every((atom) => taken.has(atom))) return [];
      const rewires = atoms.map(({ exit, entry }) => ({ exit, entry }));
      return [
        { id: `${unit.module}#${place + 1}`, module: unit.module, role: 'part', rewires, trees: atoms.map(treeOf) },
      ];
    }).flat();
  });
}
