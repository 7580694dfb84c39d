/**
 * Where teacher and student are compared inside: the ends of the stages that are left, or in a transformer the blocks
 * right after a cut and the last one. Chosen by the cut; which distillation is done there is not known here.
 */

import type { Block, BlockTree } from '../../blocks/block';
import { type Plan, resolvePlan } from '../../blocks/plan';
import { present } from '../../errors/present';
import { producers } from '../../onnx/graph';
import type { Model } from '../../onnx/model';

/** A value of the teacher's graph and the student's that stands in its place: of the same shape. */
export interface StageTap {
  readonly teacher: string;
  readonly student: string;
}

const MOST_TAPS = 8;

/** In execution order. `teacher` and `student`: the graphs with and without the dropped blocks. */
export function stageTaps(tree: BlockTree, plan: Plan, teacher: Model, student: Model): readonly StageTap[] {
  const { rewires, goneIds } = resolvePlan(tree, plan);
  const gone = new Set(goneIds);
  const standIn = new Map(rewires.map(({ exit, entry }) => [exit, entry]));
  const [inTeacher, inStudent] = [producers(teacher.graph), producers(student.graph)];
  const used = new Set<string>();
  const taps: StageTap[] = [];
  for (const block of comparedBlocks(tree, gone)) {
    for (const value of endsOf(block, gone)) {
      const own = standIn.get(value) ?? value;
      if (!inTeacher.has(value) || !inStudent.has(own)) continue;
      if (!used.has(own)) taps.push({ teacher: value, student: own });
      used.add(own);
      break;
    }
  }
  return taps;
}

function comparedBlocks({ blocks }: BlockTree, gone: ReadonlySet<string>): readonly Block[] {
  const left = blocks.filter(({ id, section }) => !gone.has(id) && section !== 'in' && section !== 'out');
  if (left.length <= MOST_TAPS) return left;
  const afterCut = left.filter((block) => {
    const before = blocks[blocks.indexOf(block) - 1];
    return before !== undefined && gone.has(before.id);
  });
  const wanted = [...new Set([...afterCut, present(left.at(-1))])];
  return wanted.filter((_, index) => wanted.length <= MOST_TAPS || index % Math.ceil(wanted.length / MOST_TAPS) === 0);
}

/** Values that the block of a whole model ends with, the last first. */
export const blockEnds = (block: Block): readonly string[] => endsOf(block, new Set());

/** Values that the block ends with, the last first: its output, then ends of what it consists of. */
function endsOf(block: Block, gone: ReadonlySet<string>): readonly string[] {
  const own = [
    ...(block.output === undefined ? [] : [block.output]),
    ...block.rewires.map(({ exit }) => exit).reverse(),
  ];
  const inner = block.children.toReversed().flatMap((child) => endsOf(child, gone));
  return [...own.slice(0, 1), ...inner, ...own.slice(1)];
}
