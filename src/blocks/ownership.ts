/**
 * Counts what each block holds: every weight and every multiplication once, in the narrowest block that all its users
 * are in. What only a parent as a whole owns, and what lies outside all blocks, becomes leaves of its own.
 */
import { present } from '../errors/present';
import { countMacs } from '../onnx/shapes/countMacs';
import { modulePath } from './atomTree';
import type { Section } from './block';
import { bodyWeights, weightsOf } from './countTotals';
import type { Draft } from './draft';
import type { Flow } from './flow';
import { commonPath, isInside, lastNumberedModule, numberedModule } from './scopes';

export interface Holdings {
  parameters: number;
  bytes: number;
  macs: number;
}

export interface Ownership {
  /** What a draft holds beyond its children. */
  readonly own: ReadonlyMap<Draft, Holdings>;
  /** Leaves for what lies outside all drafts. */
  readonly outside: readonly Draft[];
  /** For what a parent owns beyond its children: module path, '' where names tell none. */
  readonly ownPath: ReadonlyMap<Draft, string>;
  /** Weights that blocks without a common parent use. */
  readonly shared: Holdings;
}

/** `scopes`: node -> module, where the modules of all nodes are known. */
export function assignOwners(flow: Flow, drafts: readonly Draft[], scopes?: readonly string[]): Ownership {
  const parents = new Map<Draft, Draft>();
  const all: Draft[] = [];
  const visit = (draft: Draft): void => {
    all.push(draft);
    for (const child of draft.children) {
      parents.set(child, draft);
      visit(child);
    }
  };
  drafts.forEach(visit);
  const owner: (Draft | undefined)[] = new Array(flow.nodes.length).fill(undefined);
  for (const draft of all.toSorted((a, b) => b.nodes.length - a.nodes.length))
    for (const node of draft.nodes) owner[node] = draft;
  const macs = flow.nodes.map((node) => countMacs(node, flow.types));
  const outside = outsideLeaves(flow, all, owner, macs, scopes);
  return { ...tally(flow, parents, owner, macs), outside };
}

type Leaf = Draft & { readonly nodes: number[]; reason: string; section: Section };

/** Gives nodes that hold weights and belong to no draft to a leaf per module, or per place without names. */
function outsideLeaves(
  flow: Flow,
  all: readonly Draft[],
  owner: (Draft | undefined)[],
  macs: readonly number[],
  scopes?: readonly string[],
): readonly Draft[] {
  const byId = new Map(all.map((draft) => [draft.id, draft]));
  const leaves = new Map<string, Leaf>();
  const weights = weightsOf(flow.graph);
  const placed = owner.flatMap((draft, node) =>
    draft && (draft.section === 'body' || draft.section === 'down') ? [node] : [],
  );
  const [first, last] = [placed[0] ?? flow.nodes.length, placed.at(-1) ?? -1];
  flow.nodes.forEach((_, node) => {
    const values = present(flow.outputs[node]);
    const constant = !values.some((value) => flow.stream[value]);
    const holds =
      present(macs[node]) > 0 ||
      present(flow.uses[node]).some((value) => (weights.get(present(flow.names[value]))?.parameters ?? 0) > 1) ||
      (bodyWeights(present(flow.nodes[node]))?.parameters ?? 0) > 1;
    if (owner[node] || constant || !holds) return;
    const onTrunk = values.some((value) => flow.trunk[value]);
    const path = scopes?.[node] || modulePath(flow, node);
    const known = pathsAround(path).reduce<Draft | undefined>((found, one) => byId.get(one) ?? found, undefined);
    if (known?.reason !== undefined) {
      owner[node] = known;
      return;
    }
    const section: Section = !onTrunk || node < first ? 'in' : node > last ? 'out' : 'body';
    const id = known ? `${known.id}#rest` : path === '' ? placeName(onTrunk, section) : leafPath(path, all);
    let leaf = leaves.get(id);
    if (!leaf) {
      leaf = {
        id: byId.has(id) ? `${id}#rest` : id,
        kind: 'layer',
        section,
        level: 0,
        rewires: [],
        reason: known ? restReason(known) : outsideReason(onTrunk, section),
        nodes: [],
        children: [],
      };
      leaves.set(id, leaf);
    }
    // Where one part of a module works on the latent, that is what the module is for.
    if (onTrunk && leaf.reason === conditioningReason) {
      leaf.section = section;
      leaf.reason = outsideReason(onTrunk, section);
    }
    leaf.nodes.push(node);
    owner[node] = leaf;
  });
  for (const leaf of leaves.values())
    if (scopes && leaf.reason === conditioningReason) leaf.reason = reasonBeside(flow, leaf.id, scopes);
  return [...leaves.values()];
}

/** Of a module whose weights are beside the latent's way: what it does with what they make. */
function reasonBeside(flow: Flow, module: string, scopes: readonly string[]): string {
  const inside = (node: number): boolean => node >= 0 && isInside(present(scopes[node]), module);
  const own = flow.nodes.flatMap((node, at) => (inside(at) ? [{ node, at }] : []));
  if (own.some(({ at }) => present(flow.outputs[at]).some((value) => flow.trunk[value])))
    return 'It scales and shifts the hidden state by what it makes of the time step or the text: that is no skip connection, so nothing passes it unchanged.';
  const addsToGiven = own.some(({ node, at }) => {
    const data = present(flow.data[at]);
    if (node.opType !== 'Add' || data.length !== 2 || !data.every((value) => flow.stream[value])) return false;
    return new Set(data.map((value) => inside(present(flow.producer[value])))).size === 2; // one made here, one given
  });
  return addsToGiven
    ? 'It adds what it makes of one input to another, such as the text to the time step, and reads the other not at all: neither is a skip connection around the other.'
    : conditioningReason;
}

/** A path and all around it, the outermost first. */
const pathsAround = (path: string): readonly string[] =>
  path.split('.').map((_, i, parts) => parts.slice(0, i + 1).join('.'));

/** The outermost module around a path that no block is in; a list of modules is none. */
function leafPath(path: string, all: readonly Draft[]): string {
  const alone = pathsAround(path).find((one) => !all.some(({ id }) => isInside(id, one)));
  const numbered = numberedModule(path);
  return alone === undefined || numbered.startsWith(`${alone}.`) ? numbered || path : alone;
}

const restReason = ({ id }: Draft): string =>
  `It is computed in ${id} and read by others too, so it stays when ${id} goes.`;

function placeName(onTrunk: boolean, section: Section): string {
  if (!onTrunk) return 'conditioning';
  return section === 'in' ? 'in' : section === 'out' ? 'out' : 'between';
}

export const conditioningReason =
  'It prepares what layers are conditioned on, such as the time step or the text; no skip connection passes it by.';

function outsideReason(onTrunk: boolean, section: Section): string {
  if (!onTrunk) return conditioningReason;
  if (section === 'in') return 'It turns the latent into the hidden state that every other block works on.';
  if (section === 'out') return 'It turns the hidden state into the output.';
  return 'Nothing passes it unchanged: it has no skip connection around it.';
}

function tally(
  flow: Flow,
  parents: ReadonlyMap<Draft, Draft>,
  owner: readonly (Draft | undefined)[],
  macs: readonly number[],
): Omit<Ownership, 'outside'> {
  const own = new Map<Draft, Holdings>();
  const paths = new Map<Draft, string[]>();
  const shared: Holdings = { parameters: 0, bytes: 0, macs: 0 };
  const holdings = (draft: Draft | undefined): Holdings => {
    if (!draft || ((draft.kind === 'stage' || draft.kind === 'pair') && draft.children.length > 0)) return shared;
    let found = own.get(draft);
    if (!found) own.set(draft, (found = { parameters: 0, bytes: 0, macs: 0 }));
    return found;
  };
  const userOwner = usersOwner(flow, parents, owner);
  macs.forEach((count, node) => (holdings(userOwner.ofNode(node)).macs += count));
  for (const [name, { parameters, bytes }] of weightsOf(flow.graph)) {
    const value = flow.ids.get(name);
    if (value === undefined) continue; // a sparse one that nothing reads
    const draft = userOwner.ofValue(value);
    holdings(draft).parameters += parameters;
    holdings(draft).bytes += bytes;
    if (draft && draft.children.length > 0)
      for (const node of present(flow.users[value]))
        paths.set(draft, [...(paths.get(draft) ?? []), modulePath(flow, node)]);
  }
  for (const [at, node] of flow.nodes.entries()) {
    const held = bodyWeights(node);
    if (!held) continue;
    holdings(userOwner.ofNode(at)).parameters += held.parameters;
    holdings(userOwner.ofNode(at)).bytes += held.bytes;
  }
  const ownPath = new Map([...paths].map(([draft, found]) => [draft, lastNumberedModule(commonPath(found))]));
  return { own, ownPath, shared };
}

/** The narrowest draft that holds all users; nodes that compute from weights alone belong to whoever reads them. */
function usersOwner(flow: Flow, parents: ReadonlyMap<Draft, Draft>, owner: readonly (Draft | undefined)[]) {
  const ofNodes = [...owner];
  const chain = (draft: Draft | undefined): Draft[] => (draft ? [draft, ...chain(parents.get(draft))] : []);
  const common = (a: Draft | undefined, b: Draft | undefined): Draft | undefined => {
    const around = new Set(chain(a));
    return chain(b).find((draft) => around.has(draft));
  };
  const ofValue = (value: number): Draft | undefined => {
    const users = present(flow.users[value]);
    let found = users.length > 0 ? ofNodes[present(users[0])] : undefined;
    for (const user of users) if (ofNodes[user] !== found) found = common(found, ofNodes[user]);
    return found;
  };
  for (let node = flow.nodes.length - 1; node >= 0; node--) {
    const values = present(flow.outputs[node]);
    if (values.length === 0 || values.some((value) => flow.stream[value])) continue;
    const owners = values.filter((value) => present(flow.users[value]).length > 0).map(ofValue);
    ofNodes[node] = owners.length === 0 ? ofNodes[node] : owners.reduce((a, b) => (a === b ? a : common(a, b)));
  }
  return { ofNode: (node: number) => ofNodes[node], ofValue };
}
