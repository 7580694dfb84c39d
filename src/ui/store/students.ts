/** Healed students: listed, put on, deleted. Making them is `healing.ts`. */
import type { StoredCheckpoint, WeightsId } from '../../worker/protocol';
import { setStudent } from './edit';
import { engine, showProblem } from './engine';
import { type HealedStudent, studentOf, useStudents } from './healedStudents';
import { read } from './state';

/** Looks up what is kept; students of this visit alone stay listed. A browser that keeps nothing has an empty list. */
export async function listStudents(): Promise<void> {
  try {
    const { students, checkpoints, studentBytes, studentBudgetBytes } = await engine.listStored({});
    const kept = students.map(({ sizeBytes, storedAtMs, ...student }) => ({
      ...student,
      stored: { sizeBytes, storedAtMs },
    }));
    useStudents.setState((state) => ({
      students: [
        ...state.students.filter((one) => !one.stored && !kept.some(({ weights }) => weights === one.weights)),
        ...kept,
      ],
      checkpoints,
      room: { usedBytes: studentBytes, budgetBytes: studentBudgetBytes },
    }));
  } catch (thrown) {
    // a private window: healing itself says so when something cannot be kept
    console.warn('What this browser keeps of healing could not be listed.', thrown);
  }
}

/** A student that was just healed, before the list is read again. */
export function addStudent(student: HealedStudent): void {
  useStudents.setState(({ students }) => ({
    students: [student, ...students.filter(({ weights }) => weights !== student.weights)],
  }));
}

/** Its plan and weights become the student's; undo takes them off. */
export function wearStudent({ edit, weights }: Pick<HealedStudent, 'edit' | 'weights'>): void {
  setStudent({ plan: edit.plan, weights });
}

/** Deletes the weights; a student that wears them has the model's own again. */
export async function deleteStudent(weights: WeightsId): Promise<void> {
  try {
    if (studentOf(weights)?.stored) await engine.deleteStored({ kind: 'student', weights });
  } catch (thrown) {
    showProblem(thrown, 'keep');
  }
  useStudents.setState(({ students }) => ({ students: students.filter((one) => one.weights !== weights) }));
  if (read().weights === weights) setStudent({ plan: read().plan, weights: 'original' });
  await listStudents();
}

/** A run that is not to go on. */
export async function deleteCheckpoint(id: StoredCheckpoint['id']): Promise<void> {
  try {
    await engine.deleteStored({ kind: 'checkpoint', id });
  } catch (thrown) {
    showProblem(thrown, 'keep');
  }
  await listStudents();
}
