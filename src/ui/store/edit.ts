/** Edits of the student: every change makes a new small plan, or takes other weights; undo and redo walk the list of them. */
import type { Block } from '../../blocks/block';
import { componentTree } from '../../blocks/componentTree';
import {
  allBlocks,
  COMPONENTS,
  type ComponentId,
  joinPlans,
  type Plan,
  planOfComponent,
  samePlan,
  toggleRange,
  toggleUnit,
} from '../../blocks/plan';
import { StudioError } from '../../errors/StudioError';
import { SUPERSEDED } from '../../worker/protocol';
import { readPlan } from '../plan/planFile';
import { engine, isAbort, showNotice, showProblem } from './engine';
import { rerunAfterEdit } from './generate';
import { sameStudent, weightsUnder } from './healed';
import { mappedOf, planTreeOf } from './mapped';
import { writePage } from './page';
import { read, type StudentEdit, write } from './state';

const longestPast = 200;

/** Makes `plan` the current one, see `weightsUnder` for its weights; `remember` false replaces it without an undo step (a plan from the address). */
export function setPlan(plan: Plan, remember = true): void {
  const state = read();
  if (samePlan(plan, state.plan)) return;
  setStudent({ plan, weights: weightsUnder(mappedOf(state)?.tree, plan, state.weights) }, remember);
}

/** Plan and weights of the student at once. */
export function setStudent(student: StudentEdit, remember = true): void {
  const { plan, weights, past } = read();
  if (sameStudent(student, { plan, weights })) return;
  write({
    ...student,
    ...(remember ? { past: [...past, { plan, weights }].slice(-longestPast), future: [] } : {}),
  });
  afterEdit();
}

function afterEdit(): void {
  void summarise();
  rerunAfterEdit();
}

export function undo(): void {
  const { past, future, plan, weights } = read();
  const previous = past.at(-1);
  if (!previous) return;
  write({ ...previous, past: past.slice(0, -1), future: [{ plan, weights }, ...future] });
  afterEdit();
}

export function redo(): void {
  const { past, future, plan, weights } = read();
  const next = future[0];
  if (!next) return;
  write({ ...next, past: [...past, { plan, weights }], future: future.slice(1) });
  afterEdit();
}

/** Switches one block, or with `range` every block of its rank from the last one touched, to the other state. */
export function toggleBlock(id: string, range = false): void {
  const { plan, anchorId } = read();
  const mapped = mappedOf(read());
  if (!mapped) return;
  const tree = planTreeOf(mapped);
  write({ anchorId: id, focusedId: id });
  setPlan(range && anchorId !== null ? toggleRange(tree, plan, anchorId, id) : toggleUnit(tree, plan, id));
}

/** A ready-made cut of one component; what is off in the other stays off. */
export function applyCut(component: ComponentId, plan: Plan): void {
  const now = read().plan;
  const parts = COMPONENTS.map((id) => [id, planOfComponent(id === component ? plan : now, id)] as const);
  setPlan(joinPlans(Object.fromEntries(parts)));
}

/** Which component's blocks the map shows; Tab then enters it at its first switch. */
export function showComponent(component: ComponentId): void {
  const mapped = mappedOf(read());
  if (!mapped) return;
  writePage({ component, search: '', markedKind: null });
  const blocks = allBlocks(componentTree(mapped.tree, mapped.decoder?.tree, component));
  const first = blocks.find(({ droppable }) => droppable) ?? blocks[0];
  write({ focusedId: first?.id ?? null, anchorId: null, hoveredId: null });
}

/** Shows on the map what a plan would change, without making it; null ends that. */
export function tryPlan(tried: Plan | null): void {
  write({ tried });
}

export async function importPlan(file: File): Promise<void> {
  const { open } = read();
  if (!open) return;
  try {
    const { plan, unknownIds } = readPlan(await file.text(), file.name, planTreeOf(open));
    setPlan(plan);
    if (unknownIds.length > 0) showNotice(`Not in this model and left out: ${listed(unknownIds)}.`);
  } catch (thrown) {
    showProblem(thrown, 'plan');
  }
}

/** A few names, and how many more there are. */
function listed(ids: readonly string[]): string {
  const few = ids.slice(0, 3).join(', ');
  return ids.length > 3 ? `${few} and ${ids.length - 3} more` : few;
}

let summaryController: AbortController | null = null;

/** Asks the engine for the figures of the current plan; a newer question replaces an older one. */
export async function summarise(): Promise<void> {
  const { open, plan } = read();
  if (!open) return;
  summaryController?.abort(SUPERSEDED);
  const own = new AbortController();
  summaryController = own;
  try {
    const value = await engine.summarise({ plan }, { signal: own.signal });
    if (read().plan === plan && read().open?.id === open.id) write({ summary: { plan, value } });
  } catch (thrown) {
    if (isAbort(thrown) || summaryController !== own) return;
    showProblem(thrown, 'plan');
    if (StudioError.from(thrown).code.startsWith('blocks/')) undo();
  }
}

export function focusBlock(id: string): void {
  if (read().focusedId !== id) write({ focusedId: id });
}

export function hoverBlock(id: string | null): void {
  if (read().hoveredId !== id) write({ hoveredId: id });
}

/** A click on a fixed block changes nothing and says why. */
export function explainBlock(block: Block): void {
  if (block.reason !== undefined) showNotice(block.reason);
}
