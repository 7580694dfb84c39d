/** What people should know about a discovery: what was opaque to it, and why blocks of it stay. */
import type { Block } from './block';
import type { Flow } from './flow';
import { shapeOf } from './flow';
import { isProcessorSpecific, qualifiedOperator } from './operators';

const KNOWN_DOMAINS = ['', 'com.microsoft', 'ai.onnx.ml'];

export function notesOn(flow: Flow, blocks: readonly Block[]): readonly string[] {
  const notes: string[] = [];
  const foreign = new Map<string, number>();
  for (const node of flow.nodes) {
    if (!KNOWN_DOMAINS.includes(node.domain))
      foreign.set(qualifiedOperator(node), (foreign.get(qualifiedOperator(node)) ?? 0) + 1);
  }
  for (const [operator, count] of foreign)
    notes.push(
      `${count} ${count === 1 ? 'node' : 'nodes'} of ${operator} ${count === 1 ? 'is' : 'are'} opaque: blocks that run through ${count === 1 ? 'it' : 'them'} may have to stay.`,
    );
  if (flow.nodes.some(isProcessorSpecific))
    notes.push(
      'The graph was saved with layouts for one processor (nchwc). Save it at the basic or extended optimisation level to prune all of it.',
    );
  if (!anyDroppable(blocks))
    notes.push('No residual connection that fits was found: nothing of this model can be dropped.');
  const unknown = flow.outputs.reduce(
    (sum, values) => sum + values.filter((value) => flow.trunk[value] && !shapeOf(flow, value)).length,
    0,
  );
  if (unknown > 0)
    notes.push(
      `The shapes of ${unknown} inner values depend on more than the sizes of the inputs, or on operators that are not known; their work is not in the MACs.`,
    );
  return notes;
}

const anyDroppable = (blocks: readonly Block[]): boolean =>
  blocks.some((block) => block.droppable || anyDroppable(block.children));
