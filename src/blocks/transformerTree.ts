/**
 * Blocks of a network without a U (a DiT): atoms that share one attention go together; blocks are numbered modules
 * where the graph names them, else the units that repeat one after the other.
 */
import { present } from '../errors/present';
import type { AtomTree } from './atomTree';
import { lastModulePath } from './atomTree';
import type { BlockKind } from './block';
import type { Draft, Place } from './draft';
import { draftOfAtoms, parentDraft } from './draft';
import type { Flow } from './flow';
import { shapeOf } from './flow';
import { unique } from './layerDraft';
import { isAttention } from './operators';
import { numberedModule } from './scopes';

/** Atoms that go together: the image and the text side of one joint attention. */
type Unit = readonly AtomTree[];

interface UnitGroup {
  /** Module path; '' without names. */
  readonly path: string;
  readonly units: readonly Unit[];
}

/** `trees`: top-level atoms, all of them. */
export function transformerTree(flow: Flow, trees: readonly AtomTree[]): readonly Draft[] {
  const units = jointUnits(flow, inStructuralOrder(flow, trees));
  const named = units.every((unit) => unit.every(({ path }) => path !== ''));
  const groups = named ? groupsByModule(units) : withModules(groupsByRepetition(flow, units));
  const names = new Map<string, number>();
  let [body, side] = [0, 0];
  return groups.map((group) => {
    const onTrunk = group.units.some((unit) => unit.some(({ atom }) => flow.trunk[atom.exit]));
    const id = unique(names, group.path || (onTrunk ? `block.${body++}` : `conditioning.block.${side++}`));
    return blockDraft(flow, id, { section: onTrunk ? 'body' : 'in', level: 0 }, group);
  });
}

function blockDraft(flow: Flow, id: string, place: Place, { path, units }: UnitGroup): Draft {
  const only = present(units[0]);
  if (units.length === 1) return draftOfAtoms(flow, id, 'transformer', place, only);
  const names = new Map<string, number>();
  const children = units.map((unit) => {
    const kind = unitKind(flow, unit);
    const name = path === '' ? kind : (componentAfter(path, lastWeightPath(flow, unit)) ?? kind);
    return draftOfAtoms(flow, `${id}.${unique(names, name)}`, kind, place, unit);
  });
  return parentDraft(flow, id, 'transformer', place, children);
}

/**
 * What depends on the latent after what does not; then by how many atoms come before; of two streams side by side the
 * larger first. Optimisers reorder nodes, so the order of the file says nothing about streams that do not wait for each other.
 */
export function inStructuralOrder(flow: Flow, trees: readonly AtomTree[]): readonly AtomTree[] {
  const exits = new Set(trees.map(({ atom }) => atom.exit));
  const before = new Int32Array(flow.names.length);
  flow.nodes.forEach((_, node) => {
    const most = present(flow.data[node]).reduce((found, value) => Math.max(found, present(before[value])), 0);
    for (const value of present(flow.outputs[node])) before[value] = most + (exits.has(value) ? 1 : 0);
  });
  const size = ({ atom }: AtomTree) => product(shapeOf(flow, atom.exit) ?? []);
  const onTrunk = ({ atom }: AtomTree) => present(flow.trunk[atom.exit]);
  return trees.toSorted(
    (a, b) =>
      onTrunk(a) - onTrunk(b) || present(before[a.atom.exit]) - present(before[b.atom.exit]) || size(b) - size(a),
  );
}

function jointUnits(flow: Flow, trees: readonly AtomTree[]): readonly Unit[] {
  const units: AtomTree[][] = [];
  const unitOf = new Map<number, AtomTree[]>(); // heart of a branch -> the unit that it belongs to
  for (const tree of trees) {
    const hearts = tree.atom.branch.filter((node) => flow.weighted[node] || isAttention(present(flow.nodes[node])));
    const joint = hearts.map((node) => unitOf.get(node)).find((unit) => unit !== undefined);
    const unit = joint ?? [];
    if (!joint) units.push(unit);
    unit.push(tree);
    for (const node of hearts) if (!unitOf.has(node)) unitOf.set(node, unit);
  }
  return units;
}

function unitKind(flow: Flow, unit: Unit): BlockKind {
  if (unit.some(({ atom }) => atom.branch.some((node) => isAttention(present(flow.nodes[node]))))) return 'attention';
  return 'feed-forward';
}

function groupsByModule(units: readonly Unit[]): readonly UnitGroup[] {
  const groups = new Map<string, Unit[]>();
  for (const unit of units) {
    const path = numberedModule(present(unit[0]).path) || present(unit[0]).path;
    const group = groups.get(path);
    if (group) group.push(unit);
    else groups.set(path, [unit]);
  }
  return [...groups].map(([path, members]) => ({ path, units: members }));
}

/** Names what repeats by the numbered module that all units with a name are in, where no other group is in that as well. */
function withModules(groups: readonly UnitGroup[]): readonly UnitGroup[] {
  const paths = groups.map(({ units }) => {
    const found = new Set(units.flat().flatMap(({ path }) => (path === '' ? [] : [numberedModule(path)])));
    return found.size === 1 ? present([...found][0]) : '';
  });
  return groups.map((group, i) =>
    paths.indexOf(present(paths[i])) === paths.lastIndexOf(present(paths[i]))
      ? { ...group, path: present(paths[i]) }
      : group,
  );
}

function lastWeightPath(flow: Flow, unit: Unit): string {
  const node = present(unit[0]).atom.branch.findLast((at) => flow.weighted[at]);
  return node === undefined ? '' : lastModulePath(flow, node);
}

const componentAfter = (path: string, inner: string): string | undefined =>
  inner.startsWith(`${path}.`) ? inner.slice(path.length + 1).split('.')[0] : undefined;

/** More units than a block of any published model has. */
const longestPeriod = 8;

function groupsByRepetition(flow: Flow, units: readonly Unit[]): readonly UnitGroup[] {
  const signatures = units.map((unit) => signature(flow, unit));
  const groups: Unit[][] = [];
  let previous = 1;
  for (let at = 0; at < units.length; ) {
    const { period, repeats } = longestRepetition(signatures, at);
    if (repeats < 2 && previous > 1) {
      // The last block of a stack often lacks a side that nothing reads any more.
      const rest = untilRepetition(signatures, at, previous);
      groups.push(units.slice(at, at + rest));
      at += rest;
      previous = 1;
      continue;
    }
    for (let i = 0; i < repeats; i++) groups.push(units.slice(at + i * period, at + (i + 1) * period));
    at += repeats * period;
    previous = period;
  }
  return groups.flatMap((group) => splitByLayout(flow, group)).map((group) => ({ path: '', units: group }));
}

/** The period from here on that covers most, the shortest of equals. */
function longestRepetition(signatures: readonly string[], at: number): { period: number; repeats: number } {
  let best = { period: 1, repeats: 1 };
  for (let period = 1; period <= longestPeriod; period++) {
    let repeats = 1;
    while (matches(signatures, at, at + repeats * period, period)) repeats++;
    if (repeats > 1 && repeats * period > best.period * best.repeats) best = { period, repeats };
  }
  return best;
}

function matches(signatures: readonly string[], a: number, b: number, length: number): boolean {
  if (b + length > signatures.length) return false;
  for (let i = 0; i < length; i++) if (signatures[a + i] !== signatures[b + i]) return false;
  return true;
}

function untilRepetition(signatures: readonly string[], at: number, limit: number): number {
  let count = 1;
  while (count < limit && at + count < signatures.length && longestRepetition(signatures, at + count).repeats < 2)
    count++;
  return count;
}

/** Operators and weights of the branches, whatever their names. */
function signature(flow: Flow, unit: Unit): string {
  const nodes = new Set(unit.flatMap(({ atom }) => atom.branch).filter((node) => flow.weighted[node]));
  return [...nodes]
    .map((node) => `${present(flow.nodes[node]).opType}(${weightShapes(flow, node)})`)
    .sort()
    .join(' ');
}

const weightShapes = (flow: Flow, node: number): string =>
  present(flow.uses[node])
    .filter((value) => !flow.stream[value])
    .map((value) => `[${shapeOf(flow, value)?.join('x') ?? '?'}]`)
    .join('');

/** Spatial and temporal blocks that alternate see the same elements in different shapes: each is a block of its own. */
function splitByLayout(flow: Flow, group: readonly Unit[]): readonly (readonly Unit[])[] {
  const parts: Unit[][] = [];
  for (const unit of group) {
    const before = parts.at(-1);
    const [a, b] = [
      before && shapeOf(flow, present(present(before[0])[0]).atom.exit),
      shapeOf(flow, present(unit[0]).atom.exit),
    ];
    const rearranged = a && b && a.join() !== b.join() && product(a) === product(b);
    if (before && !rearranged) before.push(unit);
    else parts.push([unit]);
  }
  return parts;
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
