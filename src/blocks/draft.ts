/** A block while the tree is built: values and nodes by number, weights and costs not yet counted. */

import { present } from '../errors/present';
import type { AtomTree } from './atomTree';
import type { BlockKind, Section } from './block';
import { processorReason } from './findAtoms';
import type { Flow } from './flow';
import { sameType, viewed } from './flow';
import { exclusiveNodes } from './graphIndex';
import { isProcessorSpecific, qualifiedOperator } from './operators';
import { isInside, moduleScope } from './scopes';

export interface DraftRewire {
  readonly exit: number;
  readonly entry: number;
}

export interface Draft {
  readonly id: string;
  readonly kind: BlockKind;
  readonly section: Section;
  readonly level: number;
  /** Empty when not droppable. */
  readonly rewires: readonly DraftRewire[];
  readonly reason?: string | undefined;
  /** What goes with it; children's nodes included. */
  readonly nodes: readonly number[];
  readonly children: readonly Draft[];
  readonly output?: number | undefined;
}

export interface Place {
  readonly section: Section;
  readonly level: number;
}

/** One droppable unit out of atoms that go together. */
export function draftOfAtoms(
  flow: Flow,
  id: string,
  kind: BlockKind,
  place: Place,
  atoms: readonly AtomTree[],
  children: readonly Draft[] = [],
): Draft {
  const pairs = atoms.map(({ atom: { exit, entry } }) => ({ exit, entry: givenTo(flow, id, entry) }));
  const nodes = exclusiveNodes(
    flow,
    pairs.map(({ exit }) => exit),
    pairs.map(({ entry }) => entry),
  );
  const kept = atoms.find(({ atom }) => atom.reason);
  const reason = kept?.atom.reason ?? stayingReason(flow, nodes);
  const output = present(atoms.at(-1)).atom.exit;
  return { id, kind, ...place, rewires: reason ? [] : pairs, reason, nodes, children, output };
}

/** What the module is given: a position embedding that it adds first goes with it. Else the entry itself. */
function givenTo(flow: Flow, module: string, entry: number): number {
  let given = entry;
  for (let value = entry; ; ) {
    const node = present(flow.producer[value]);
    if (node < 0 || !isInside(moduleScope(present(flow.nodes[node])), module)) return given;
    const before = viewed(flow, value);
    if (before < 0) return entry;
    value = before;
    if (sameType(flow, value, entry)) given = value;
  }
}

/** Why nodes cannot go whatever passes them; `undefined` when nothing is against it. */
export function stayingReason(flow: Flow, nodes: readonly number[]): string | undefined {
  const node = nodes.map((at) => present(flow.nodes[at])).find(isProcessorSpecific);
  return node && processorReason(qualifiedOperator(node));
}

/** A block that goes when all its children go. `extra`: nodes of its own, shared by its children. */
export function parentDraft(flow: Flow, id: string, kind: BlockKind, place: Place, children: readonly Draft[]): Draft {
  const kept = children.find(({ reason }) => reason !== undefined);
  const rewires = children.flatMap((child) => child.rewires);
  const joint = exclusiveNodes(
    flow,
    rewires.map(({ exit }) => exit),
    rewires.map(({ entry }) => entry),
  );
  const nodes = [...new Set([...children.flatMap((child) => child.nodes), ...(kept ? [] : joint)])].sort(
    (a, b) => a - b,
  );
  const reason = kept && keptReason(kept);
  const output = children.findLast((child) => child.output !== undefined)?.output;
  return { id, kind, ...place, rewires: kept ? [] : rewires, reason, nodes, children, output };
}

/** Names the layer at the bottom of it, once. */
function keptReason(kept: Draft): string {
  const deeper = kept.children.find(({ reason }) => reason !== undefined);
  return deeper ? keptReason(deeper) : `${kept.id} in it has to stay. ${kept.reason ?? ''}`.trim();
}
