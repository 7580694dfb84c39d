/**
 * The shelf as it is kept in this browser: students by the model's fingerprint, the models used last. Text to values
 * and back; what was stored is checked entry by entry, and anything unreadable counts as not kept. Weights of healed
 * students are not in it: they are named, and kept where healing keeps them.
 */
import type { Edit } from '../../worker/protocol';
import { storedRecord } from './storedText';

export interface ShelfFigures {
  /** The take that they were measured on. */
  readonly prompt: string;
  readonly seed: number;
  /** Against the teacher; null for PSNR where no pixel differs. */
  readonly psnr: number | null;
  /** Squared 8-bit levels. */
  readonly errorContent: number;
  readonly errorMotion: number;
}

export interface ShelvedStudent {
  readonly id: string;
  readonly name: string;
  readonly dropped: readonly string[];
  readonly weights: Edit['weights'];
  /** Shares of the teacher's, 0..1; null until counted. */
  readonly macs: number | null;
  readonly parameters: number | null;
  readonly figures: ShelfFigures | null;
  /** A frame as a PNG data URL. */
  readonly thumbnail: string | null;
}

export type Shelves = Readonly<Record<string, readonly ShelvedStudent[]>>;

/** Of one model; and so many models: a few hundred kB in all. */
export const mostStudents = 40;
const mostModels = 8;

export function readShelves(text: string | null): Shelves {
  const lists = Object.entries(storedRecord(text)).flatMap(([fingerprint, list]) =>
    Array.isArray(list) ? [[fingerprint, list.filter(isStudent).slice(0, mostStudents)] as const] : [],
  );
  return Object.fromEntries(lists);
}

/** The model that changed last comes last; the oldest go. */
export function withShelf(shelves: Shelves, fingerprint: string, students: readonly ShelvedStudent[]): Shelves {
  const others = Object.entries(shelves).filter(([key, list]) => key !== fingerprint && list.length > 0);
  return Object.fromEntries([...others.slice(1 - mostModels), [fingerprint, students]]);
}

function isStudent(value: unknown): value is ShelvedStudent {
  const student = value as Partial<Record<keyof ShelvedStudent, unknown>> | null;
  if (typeof student !== 'object' || student === null) return false;
  const texts = [student.id, student.name, student.weights];
  const shares = [student.macs, student.parameters];
  const { dropped, figures, thumbnail } = student;
  return (
    texts.every((text) => typeof text === 'string' && text.length <= 200) &&
    Array.isArray(dropped) &&
    dropped.every((id) => typeof id === 'string') &&
    shares.every((share) => share === null || isFinite(share)) &&
    (figures === null || isFigures(figures)) &&
    (thumbnail === null || (typeof thumbnail === 'string' && thumbnail.startsWith('data:image/png;base64,')))
  );
}

function isFigures(value: unknown): boolean {
  const figures = value as Partial<Record<keyof ShelfFigures, unknown>>;
  if (typeof figures !== 'object') return false;
  const { prompt, seed, psnr, errorContent, errorMotion } = figures;
  return (
    typeof prompt === 'string' && (psnr === null || isFinite(psnr)) && [seed, errorContent, errorMotion].every(isFinite)
  );
}

const isFinite = (value: unknown): boolean => Number.isFinite(value);
