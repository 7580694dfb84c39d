/**
 * Which units are measured together: units that begin late need only the rest of the denoiser behind them, but every
 * graph that is cut out costs a session and a run of the teacher for its features. The cheapest division, by counting.
 */

import type { Block, BlockTree } from '../blocks/block';
import { leaves } from '../blocks/plan';
import { present } from '../errors/present';
import type { Unit } from './units';

export interface Segment {
  readonly units: readonly Unit[];
  /** Share of the denoiser's MACs before its first unit: what is not run again. 0: the whole is run. */
  readonly before: number;
}

/** What making a session of a part takes, in calls of the whole denoiser; measured on the bundled teachers. */
const SESSION_CALLS = 5;
/** What the teacher's features take before any part: a session that gives them. */
const FEATURE_CALLS = 8;

/** `states`: how many each unit is measured on. Units in the order of execution; what is cheapest as a whole stays so. */
export function sweepSegments(tree: BlockTree, units: readonly Unit[], states: number): readonly Segment[] {
  const ordered = units.toSorted((a, b) => a.depth - b.depth);
  const before = ordered.map((unit) => macsBefore(tree, unit.depth) / Math.max(1, tree.totals.macs));
  const cutCalls = (first: number, end: number) =>
    SESSION_CALLS + (end - first) * states * (1 - present(before[first]));
  /** Calls that the units from each on take at best, and where the first segment of them ends. */
  const best = Array.from({ length: ordered.length + 1 }, () => ({ calls: 0, end: ordered.length, isCut: false }));
  for (let first = ordered.length - 1; first >= 0; first--) {
    best[first] = { calls: states + present(best[first + 1]).calls, end: first + 1, isCut: false };
    for (let end = first + 1; end <= ordered.length; end++) {
      const calls = cutCalls(first, end) + present(best[end]).calls;
      if (calls < present(best[first]).calls) best[first] = { calls, end, isCut: true };
    }
  }
  if (present(best[0]).calls + FEATURE_CALLS + states >= ordered.length * states)
    return [{ units: ordered, before: 0 }];
  const segments: Segment[] = [];
  for (let first = 0; first < ordered.length; first = present(best[first]).end) {
    const slice = ordered.slice(first, present(best[first]).end);
    const last = segments.at(-1);
    if (present(best[first]).isCut) segments.push({ units: slice, before: present(before[first]) });
    else if (last?.before === 0) segments[segments.length - 1] = { units: [...last.units, ...slice], before: 0 };
    else segments.push({ units: slice, before: 0 });
  }
  return segments;
}

/** Of the layers that run before this place. */
function macsBefore(tree: BlockTree, depth: number): number {
  const layers = tree.blocks.flatMap(leaves);
  return layers.reduce((sum: number, layer: Block) => sum + (layer.depth < depth ? layer.macs : 0), 0);
}
