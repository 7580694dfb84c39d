/** The second student: put beside the one that is edited, or taken away; from the shelf, or from a link. */
import type { BlockTree } from '../../blocks/block';
import { indexBlocks, normalisePlan } from '../../blocks/plan';
import { readAddress } from '../plan/address';
import { rerunAfterEdit } from './generate';
import { sameStudent } from './healed';
import { read, type SecondStudent, write } from './state';

/** Null: one student is enough. */
export function setSecond(second: SecondStudent | null): void {
  const { second: before, shown } = read();
  if (before && second && before.name === second.name && sameStudent(before, second)) return;
  const { second: _gone, ...others } = shown;
  write({ second, secondComparison: null, studentsComparison: null, shown: others });
  rerunAfterEdit();
}

/** Student B of the page's address, with the model's own weights; null where there is none, or the model lacks its blocks. */
export function besideInAddress(tree: BlockTree): SecondStudent | null {
  const { beside } = readAddress(window.location.hash);
  if (!beside) return null;
  const known = indexBlocks(tree);
  if (!beside.dropped.every((id) => known.has(id))) return null;
  return { name: beside.name, plan: normalisePlan(tree, beside.dropped), weights: 'original' };
}
