/**
 * Healed weights and checkpoints of healing in the browser's own storage, found again by content. Weights stay until they
 * are deleted; checkpoints make room for later ones. It neither heals nor knows what is open.
 */
import { StudioError } from '../errors/StudioError';
import type { CacheDirectory } from '../library/cacheStorage';
import { type RecordStore, recordStore } from '../library/recordStore';
import { sha256Of } from '../library/sha256';
import type { HealSummary, TrainingPoint } from '../studio/healing/healData';
import type { Edit, WeightsId } from '../studio/Variant';
import type { CheckpointId, StoredCheckpoint, StoredHealing, StoredStudent } from './healJobData';

type StudentHead = Omit<StoredStudent, 'weights' | 'sizeBytes' | 'storedAtMs'>;
type CheckpointHead = Omit<StoredCheckpoint, 'id' | 'sizeBytes' | 'storedAtMs'>;

export interface HealStore {
  list(): Promise<StoredHealing>;
  readonly students: RecordStore<StudentHead>;
  readonly checkpoints: RecordStore<CheckpointHead>;
}

const STUDENT_BUDGET_BYTES = 1024 * 2 ** 20;
const CHECKPOINT_BUDGET_BYTES = 768 * 2 ** 20;

/** Throws `library/write-refused` where the browser keeps nothing for this page. */
export async function openHealStore(): Promise<HealStore> {
  const storage = globalThis.navigator?.storage;
  const refused = (cause?: unknown) =>
    new StudioError(
      'library/write-refused',
      'This browser keeps no files for this page (a private window, or storage is blocked): what is healed ends with this visit.',
      {},
      { cause },
    );
  if (typeof storage?.getDirectory !== 'function') throw refused();
  let root: FileSystemDirectoryHandle;
  try {
    root = await storage.getDirectory();
  } catch (cause) {
    throw refused(cause);
  }
  const healing = (await root.getDirectoryHandle('healing', { create: true })) as unknown as CacheDirectory;
  return healStore(
    await healing.getDirectoryHandle('students', { create: true }),
    await healing.getDirectoryHandle('checkpoints', { create: true }),
  );
}

export function healStore(studentDirectory: CacheDirectory, checkpointDirectory: CacheDirectory): HealStore {
  const students = recordStore<StudentHead>({
    directory: studentDirectory,
    budgetBytes: STUDENT_BUDGET_BYTES,
    whenFull: 'refuse',
    isHead: isStudentHead,
  });
  const checkpoints = recordStore<CheckpointHead>({
    directory: checkpointDirectory,
    budgetBytes: CHECKPOINT_BUDGET_BYTES,
    whenFull: 'remove-oldest',
    isHead: isCheckpointHead,
  });
  return {
    students,
    checkpoints,
    async list() {
      const [keptStudents, keptCheckpoints] = await Promise.all([students.list(), checkpoints.list()]);
      return {
        students: keptStudents.map(({ id, head, sizeBytes, storedAtMs }) => ({
          ...head,
          weights: id,
          sizeBytes,
          storedAtMs,
        })),
        checkpoints: keptCheckpoints.map(({ head, ...record }) => ({ ...head, ...record })),
        studentBytes: keptStudents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        studentBudgetBytes: STUDENT_BUDGET_BYTES,
      };
    },
  };
}

/** Equal for runs that do the same: of the same pipeline, from the same student, with the same settings. */
export async function checkpointId({
  fingerprint,
  edit,
  settings,
}: Pick<CheckpointHead, 'fingerprint' | 'edit' | 'settings'>): Promise<CheckpointId> {
  const named = [
    fingerprint,
    [...edit.plan.dropped].sort(),
    edit.weights,
    Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)),
  ];
  return (await sha256Of([new TextEncoder().encode(JSON.stringify(named))])).slice(0, 32);
}

const MOST_POINTS = 300;

/** Heads are read whenever the list is: curves of long runs keep their shape, not every step. */
export function thinned(summary: HealSummary): HealSummary {
  const { training, heldOut } = summary.curves;
  const every = Math.ceil(training.length / MOST_POINTS);
  const few = training.filter((_: TrainingPoint, index) => index % every === 0 || index === training.length - 1);
  return { ...summary, curves: { training: few, heldOut } };
}

function isStudentHead(value: unknown): value is StudentHead {
  const head = value as Partial<Record<keyof StudentHead, unknown>> | null;
  const summary = head?.summary as Partial<Record<keyof HealSummary, unknown>> | null | undefined;
  const curves = summary?.curves as { training?: unknown; heldOut?: unknown } | null | undefined;
  return (
    typeof head?.fingerprint === 'string' &&
    typeof head.model === 'string' &&
    isEdit(head.edit) &&
    isPoint(summary?.before) &&
    isPoint(summary?.best) &&
    Array.isArray(curves?.training) &&
    Array.isArray(curves.heldOut) &&
    curves.heldOut.every(isPoint)
  );
}

function isCheckpointHead(value: unknown): value is CheckpointHead {
  const head = value as Partial<Record<keyof CheckpointHead, unknown>> | null;
  const settings = head?.settings as { stages?: unknown; prompts?: unknown } | null | undefined;
  return (
    typeof head?.fingerprint === 'string' &&
    typeof head.model === 'string' &&
    isEdit(head.edit) &&
    Number.isInteger(head.step) &&
    Number.isInteger(head.of) &&
    Array.isArray(settings?.stages) &&
    Array.isArray(settings.prompts) &&
    isPoint(head.before) &&
    isPoint(head.best)
  );
}

function isEdit(value: unknown): value is Edit {
  const { plan, weights } = (value ?? {}) as { plan?: { dropped?: unknown }; weights?: WeightsId };
  return (
    typeof weights === 'string' && Array.isArray(plan?.dropped) && plan.dropped.every((id) => typeof id === 'string')
  );
}

function isPoint(value: unknown): boolean {
  const point = value as Partial<Record<string, unknown>> | null | undefined;
  return [point?.['step'], point?.['total'], point?.['content'], point?.['motion']].every(Number.isFinite);
}
