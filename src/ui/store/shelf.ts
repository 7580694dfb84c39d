/**
 * The shelf: students of the open model that are worth coming back to, each a name, a plan and whose weights. Kept over
 * reloads by the model's fingerprint. Figures and picture of a student that is on screen follow its latest clip.
 */

import { create } from 'zustand';
import { normalisePlan, type Plan, samePlan } from '../../blocks/plan';
import { present } from '../../errors/present';
import { figuresOf } from '../../metrics/clipFigures';
import { describeCut } from '../plan/cut';
import { readPlan, studentInPlanFile } from '../plan/planFile';
import { presetsOf } from '../plan/presets';
import { planFileText, provenanceOf, versionInName } from '../plan/provenance';
import { setSecond } from './beside';
import { isComparisonCurrent, isCurrent } from './derived';
import { setStudent } from './edit';
import { engine, showNotice, showProblem } from './engine';
import { download } from './exporting';
import { sameStudent } from './healed';
import { studentOf } from './healedStudents';
import { planTreeOf } from './mapped';
import { modelToKeep, namedModel } from './modelName';
import { isSameModel } from './sameModel';
import { mostStudents, readShelves, type ShelvedStudent, withShelf } from './shelfStorage';
import { type OpenState, read, type ShownComparison, type StudentEdit, studentTotals, useStudio, write } from './state';
import { thumbnailOf } from './thumbnail';

const key = 'vdmini-studio/shelf';

interface ShelfState {
  /** Of the open model, in the order in which they were kept. */
  readonly students: readonly ShelvedStudent[];
  /** What was deleted last, and where it stood: for undo. */
  readonly deleted: { readonly student: ShelvedStudent; readonly at: number } | null;
}

export const useShelf = create<ShelfState>()(() => ({ students: [], deleted: null }));

/** From now on: the shelf comes and goes with the model, and students on screen are measured. */
export function followShelf(): void {
  useStudio.subscribe((state, before) => {
    if (!isSameModel(state.open, before.open))
      useShelf.setState({ students: stored()[state.open?.fingerprint ?? ''] ?? [], deleted: null });
    if (state.comparison !== before.comparison || state.shown !== before.shown || state.summary !== before.summary)
      refresh();
  });
}

/** Fingerprints of the models that have students on their shelf. */
export const namesOfShelves = (): readonly string[] =>
  Object.entries(stored()).flatMap(([fingerprint, students]) => (students.length > 0 ? [fingerprint] : []));

function stored() {
  try {
    return readShelves(localStorage.getItem(key));
  } catch {
    return {}; // forbidden
  }
}

function put(students: readonly ShelvedStudent[], deleted: ShelfState['deleted'] = null): void {
  const { open } = read();
  useShelf.setState({ students, deleted });
  const fingerprint = open?.fingerprint ?? null;
  if (fingerprint === null) return; // nothing is put on the shelf of a model without a name
  try {
    localStorage.setItem(key, JSON.stringify(withShelf(stored(), fingerprint, students)));
  } catch {
    showNotice('This browser has no room to keep the shelf: it ends with this visit.');
  }
}

export const editOf = ({ dropped, weights }: Pick<ShelvedStudent, 'dropped' | 'weights'>): StudentEdit => ({
  plan: { dropped },
  weights,
});

/** The student on screen on the shelf, if it is there. */
export function shelved(students: readonly ShelvedStudent[], student: StudentEdit): ShelvedStudent | undefined {
  return students.find((one) => sameStudent(editOf(one), student));
}

/** Puts the student of the page on the shelf. */
export async function keepStudent(): Promise<void> {
  const { plan, weights } = read();
  const open = await modelToKeep('keep');
  const { students } = useShelf.getState();
  if (!open || shelved(students, { plan, weights })) return;
  if (students.length >= mostStudents) return showNotice(`The shelf holds ${mostStudents} students; delete one first.`);
  const name = freeName(nameOf(open, { plan, weights }), students);
  put([...students, made(name, plan, weights)]);
  showNotice(`${name} is on the shelf.`);
  refresh();
}

function made(name: string, plan: Plan, weights: StudentEdit['weights']): ShelvedStudent {
  const { dropped } = plan;
  const id = crypto.randomUUID();
  return { id, name, dropped, weights, macs: null, parameters: null, figures: null, thumbnail: null };
}

function nameOf(open: OpenState, { plan, weights }: StudentEdit): string {
  const preset = presetsOf(open).find((one) => samePlan(one.plan, plan));
  const cut =
    plan.dropped.length === 0 ? 'All on' : (preset?.label ?? `Without ${describeCut(planTreeOf(open), plan)}`);
  return weights === 'original' ? cut : `${cut}, healed`;
}

function freeName(name: string, students: readonly ShelvedStudent[]): string {
  const taken = (candidate: string) => students.some((student) => student.name === candidate);
  if (!taken(name)) return name;
  for (let number = 2; ; number++) if (!taken(`${name} ${number}`)) return `${name} ${number}`;
}

export function renameStudent(id: string, name: string): void {
  const text = name.trim().slice(0, 80);
  if (text === '') return;
  change(id, { name: text });
  const { second } = read();
  const student = useShelf.getState().students.find((one) => one.id === id);
  if (second && student && sameStudent(editOf(student), second)) write({ second: { ...second, name: text } });
}

function change(id: string, by: Partial<ShelvedStudent>): void {
  const { students, deleted } = useShelf.getState();
  put(
    students.map((student) => (student.id === id ? { ...student, ...by } : student)),
    deleted,
  );
}

/** Makes it the student that is edited; undo brings the one before back. */
export function loadStudent(student: ShelvedStudent): void {
  const { open } = read();
  if (!open) return;
  const plan = normalisePlan(planTreeOf(open), student.dropped);
  setStudent({ plan, weights: student.weights });
}

/** Puts it beside the student that is edited; null ends that. */
export function standBeside(student: ShelvedStudent | null): void {
  setSecond(student && { name: student.name, ...editOf(student) });
}

export function deleteStudentOnShelf(id: string): void {
  const { students } = useShelf.getState();
  const at = students.findIndex((student) => student.id === id);
  const student = students[at];
  if (!student) return;
  put(students.toSpliced(at, 1), { student, at });
}

export function undoDelete(): void {
  const { students, deleted } = useShelf.getState();
  if (deleted) put(students.toSpliced(deleted.at, 0, deleted.student));
}

/** As a plan file, with its name and whose weights. */
export async function saveStudent({ name, dropped, weights }: ShelvedStudent): Promise<void> {
  const { settings } = read();
  const open = await modelToKeep('plan');
  if (!open) return;
  const text = planFileText(provenanceOf(open, { dropped }, settings), { name, weights });
  const stem = name.replace(/[^\p{L}\p{N}._]+/gu, '-').replace(/^-+|-+$/g, '');
  download(
    `${open.description.name}-${stem}-${versionInName}.plan.json`,
    new Blob([text], { type: 'application/json' }),
  );
}

/** Plan files onto the shelf. */
export async function shelvePlanFiles(files: readonly File[]): Promise<void> {
  for (const file of files) {
    try {
      const text = await file.text();
      const open = await namedModel();
      if (!open) return;
      const { plan, unknownIds } = readPlan(text, file.name, planTreeOf(open));
      const { students } = useShelf.getState();
      const given = studentInPlanFile(text);
      const weights = given.weights !== undefined && studentOf(given.weights) ? given.weights : 'original';
      const name = freeName(given.name ?? file.name.replace(/(\.plan)?\.json$/i, ''), students);
      put([...students, made(name, plan, weights)].slice(0, mostStudents));
      if (unknownIds.length > 0) showNotice(`${unknownIds.length} blocks of ${file.name} are not in this model.`);
      void count(present(useShelf.getState().students.at(-1)));
    } catch (thrown) {
      showProblem(thrown, 'plan');
    }
  }
}

/** Shares of a student that is not on screen. */
async function count({ id, dropped }: ShelvedStudent): Promise<void> {
  try {
    const { teacher, student } = await engine.summarise({ plan: { dropped } });
    change(id, { macs: student.macs / teacher.macs, parameters: student.parameters / teacher.parameters });
  } catch (thrown) {
    showProblem(thrown, 'plan');
  }
}

/** Figures, shares and picture of those on screen. */
function refresh(): void {
  const state = read();
  const { open, comparison, secondComparison, second, shown } = state;
  if (!open) return;
  const { students, deleted } = useShelf.getState();
  const sides = [
    {
      edit: state as StudentEdit,
      comparison: isComparisonCurrent(state) ? comparison : null,
      shown: isCurrent(state, 'student') ? shown.student : undefined,
      totals: studentTotals(state),
    },
    ...(second
      ? [
          {
            edit: second as StudentEdit,
            comparison: isCurrent(state, 'second') ? secondComparison : null,
            shown: isCurrent(state, 'second') ? shown.second : undefined,
            totals: null,
          },
        ]
      : []),
  ];
  let changed = false;
  const next = students.map((student) => {
    const side = sides.find(({ edit }) => sameStudent(editOf(student), edit));
    if (!side) return student;
    const by: Partial<ShelvedStudent> = {
      ...(side.totals && student.macs === null
        ? {
            macs: side.totals.macs / Math.max(1, open.tree.totals.macs),
            parameters: side.totals.parameters / Math.max(1, open.tree.totals.parameters),
          }
        : {}),
      ...(side.shown && student.thumbnail === null ? { thumbnail: thumbnailOf(side.shown.clip) } : {}),
      ...figuresFor(student, side.comparison),
    };
    if (Object.keys(by).length === 0) return student;
    changed = true;
    return { ...student, ...by };
  });
  if (changed) put(next, deleted);
}

function figuresFor(student: ShelvedStudent, made: ShownComparison | null): Partial<ShelvedStudent> {
  if (!made || made.step < made.steps) return {};
  const { psnr, errorContent, errorMotion } = figuresOf(made.value);
  const { prompt, seed } = made.settings;
  const figures = { prompt, seed, psnr: Number.isFinite(psnr) ? psnr : null, errorContent, errorMotion };
  return JSON.stringify(figures) === JSON.stringify(student.figures) ? {} : { figures };
}
