/**
 * Can a set of nodes be bypassed? Every value that leaves it must lead back, over the skip operands of atoms and
 * over views, to a value of the same shape and type from outside. Says how, or why not.
 */
import type { Node } from '../onnx/model';
import type { Rewire } from './block';
import type { Dataflow } from './dataflow';
import { sameType, shapeOf } from './dataflow';
import type { Atom } from './findAtoms';
import { isView, partOf } from './findAtoms';

export type Bypass = { readonly rewires: readonly Rewire[] } | { readonly reason: string };

/** `region`: the nodes of the block. `atoms`: by exit. */
export function bypass(flow: Dataflow, region: ReadonlySet<Node>, atoms: ReadonlyMap<string, Atom>): Bypass {
  const exits = exitsOf(flow, region);
  if (exits.length === 0) return { reason: 'Nothing in this block reaches the output of the model.' };
  const rewires: Rewire[] = [];
  const blocked: string[] = [];
  for (const exit of exits) {
    const walked = walkBack(flow, region, atoms, exit);
    if ('entry' in walked) {
      if (sameType(flow, exit, walked.entry)) rewires.push({ exit, entry: walked.entry });
      else return { reason: shapeReason(flow, exit, walked.entry) };
    } else blocked.push(walked.reason);
  }
  // Exits that no atom reaches are shared values (masks, SiLU of the time embedding): they stay alive by themselves.
  if (rewires.length === 0) return { reason: blocked[0]! };
  const unresolved = exits.filter((exit) => !rewires.some((rewire) => rewire.exit === exit));
  const lost = unresolved.filter((exit) => rewires.some((rewire) => dependsOn(flow, region, exit, rewire.entry)));
  return lost.length > 0 ? { reason: blocked[0]! } : { rewires };
}

/** Trunk values made in the region and read outside it (or graph outputs). */
function exitsOf(flow: Dataflow, region: ReadonlySet<Node>): readonly string[] {
  const outputs = new Set(flow.graph.outputs.map(({ name }) => name));
  const exits: string[] = [];
  for (const node of region) {
    for (const value of node.outputs) {
      if (value === '' || !flow.trunk.has(value)) continue;
      if (outputs.has(value) || (flow.usedBy.get(value) ?? []).some((user) => !region.has(user))) exits.push(value);
    }
  }
  return exits;
}

function walkBack(flow: Dataflow, region: ReadonlySet<Node>, atoms: ReadonlyMap<string, Atom>, exit: string): { entry: string } | { reason: string } {
  let current = exit;
  /** Parts taken of joined streams on the way, last first. */
  const parts: { axis: number; offset: number; size: number }[] = [];
  for (;;) {
    const node = flow.madeBy.get(current);
    if (!node || !region.has(node)) return parts.length === 0 ? { entry: current } : { reason: 'It takes a part of a joined stream that cannot be matched.' };
    const atom = atoms.get(current);
    const wanted = parts.at(-1);
    if (atom) {
      if (atom.entry === undefined) return { reason: 'It changes the number of channels: both sides of its addition hold weights, so nothing can stand in for it.' };
      current = atom.entry;
      continue;
    }
    const part = partOf(flow, node, current);
    if (part) {
      parts.push(part);
      current = part.operand;
    } else if (node.opType === 'Concat' && wanted) {
      const operand = operandAt(flow, node, wanted);
      if (operand === undefined) return { reason: 'It takes a part of a joined stream that crosses its operands.' };
      parts.pop();
      current = operand;
    } else {
      const seen = isView(flow, node);
      if (seen === undefined) return { reason: `Its result comes out of ${node.opType}, with no skip connection around it.` };
      current = seen;
    }
  }
}

/** The operand of a Concat that covers exactly the wanted part. */
function operandAt(flow: Dataflow, node: Node, wanted: { axis: number; offset: number; size: number }): string | undefined {
  let offset = 0;
  for (const operand of node.inputs) {
    const size = shapeOf(flow, operand)?.[wanted.axis];
    if (size === undefined) return undefined;
    if (offset === wanted.offset && size === wanted.size) return operand;
    offset += size;
  }
  return undefined;
}

function dependsOn(flow: Dataflow, region: ReadonlySet<Node>, value: string, entry: string): boolean {
  const pending = [value];
  const seen = new Set<string>();
  while (pending.length > 0) {
    const name = pending.pop()!;
    if (name === entry) return true;
    const node = flow.madeBy.get(name);
    if (seen.has(name) || !node || !region.has(node)) continue;
    seen.add(name);
    pending.push(...node.inputs);
  }
  return false;
}

function shapeReason(flow: Dataflow, exit: string, entry: string): string {
  const text = (name: string) => `[${shapeOf(flow, name)?.join(', ') ?? 'unknown'}]`;
  return `What comes out, ${text(exit)}, has another shape than what goes in, ${text(entry)}.`;
}
