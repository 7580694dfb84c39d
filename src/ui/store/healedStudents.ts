/**
 * The list of healed students: sets of weights that this browser keeps, or that live as long as this visit where it could
 * not keep them; and runs of healing that can go on. Actions on them are in `students.ts`; which one is the student on
 * screen is `StudioState.weights`.
 */
import { create } from 'zustand';
import type { Edit, HealSummary, StoredCheckpoint, StoredStudent, WeightsId } from '../../worker/protocol';

/** `stored` is absent where the weights end with this visit. */
export interface HealedStudent {
  readonly weights: WeightsId;
  /** Of the model that it is a student of. */
  readonly fingerprint: string;
  /** What it was healed from: its cut, and whose weights it began with. */
  readonly edit: Edit;
  readonly summary: HealSummary;
  readonly stored?: Pick<StoredStudent, 'sizeBytes' | 'storedAtMs'>;
}

export interface StudentsState {
  /** Of all models, the latest first. */
  readonly students: readonly HealedStudent[];
  readonly checkpoints: readonly StoredCheckpoint[];
  /** Of the students that are kept, and how much may be; null until looked up. */
  readonly room: { readonly usedBytes: number; readonly budgetBytes: number } | null;
}

export const useStudents = create<StudentsState>()(() => ({ students: [], checkpoints: [], room: null }));

/** The student with these weights, as far as it is known yet. */
export function studentOf(weights: WeightsId): HealedStudent | undefined {
  return useStudents.getState().students.find((student) => student.weights === weights);
}
