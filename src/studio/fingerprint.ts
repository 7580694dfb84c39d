/**
 * The name of an opened pipeline by what it computes: every graph that it runs with all its weights, and its scheduler.
 * What is kept (damages, healed weights, students, batches) is found again under it, so that a finetune with the same
 * graph and other weights beside it shares nothing. Folder, file names and the tokenizer's files are no part of it.
 *
 * It reads every weight, so it is made when something is kept or written under it. Its outline, of sizes alone, tells at
 * an opening whether anything that is kept can be of this model.
 */
import { sha256Of } from '../library/sha256';
import type { ByteSource } from '../onnx/ByteSource';
import type { Pipeline } from './Pipeline';

/** WebCrypto takes whole buffers: weights files are hashed in pieces of this length, and then the hashes of those. */
const PIECE_BYTES = 32 * 2 ** 20;

export type Fingerprinted = Pick<Pipeline, 'files' | 'cannotRun'> & {
  readonly description: Pick<Pipeline['description'], 'scheduler'>;
};

/**
 * 64 hex digits. Reads every weights file once, which opening a session does too. Of a pipeline that cannot run here
 * nothing is measured or healed: its weights files count by name and size alone, since they may have tens of gigabytes.
 */
export async function fingerprintOf({ files, description, cannotRun }: Fingerprinted): Promise<string> {
  const parts: unknown[] = [description.scheduler];
  for (const { bytes, weights } of files) {
    const beside: unknown[] = [];
    for (const [location, source] of [...weights].sort(([a], [b]) => (a < b ? -1 : 1)))
      beside.push([location, source.sizeBytes, cannotRun === undefined ? await contentOf(source) : null]);
    parts.push([await graphHash(bytes), beside]);
  }
  return hashOfText(parts);
}

/**
 * 64 hex digits, of the scheduler and the sizes of graphs and weights files; reads none of them. Pipelines with the same
 * fingerprint have the same outline; those with the same outline may be finetunes of each other.
 */
export function outlineOf({ files, description }: Omit<Fingerprinted, 'cannotRun'>): Promise<string> {
  const sizes = files.map(({ bytes, weights }) => [
    bytes.length,
    [...weights]
      .map(([location, { sizeBytes }]) => [location, sizeBytes])
      .sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  ]);
  return hashOfText([description.scheduler, sizes]);
}

/** Outlines of models by their fingerprints, as far as they are known. */
export type Outlines = Readonly<Record<string, string>>;

/** Whether a model of this outline can be one of those: a fingerprint whose outline is not known may be any model's. */
export function mayBeOneOf(outline: string, fingerprints: readonly string[], outlines: Outlines): boolean {
  return fingerprints.some((fingerprint) => (outlines[fingerprint] ?? outline) === outline);
}

const hashOfText = (value: unknown): Promise<string> => sha256Of([new TextEncoder().encode(JSON.stringify(value))]);

const hashes = new WeakMap<Uint8Array, Promise<string>>();

/** Made once: the command line asks for a fingerprint with every file that it writes. */
function graphHash(bytes: Uint8Array): Promise<string> {
  const known = hashes.get(bytes) ?? sha256Of([bytes]);
  hashes.set(bytes, known);
  known.catch(() => hashes.delete(bytes));
  return known;
}

/** The hash of the hashes of a file's pieces. */
async function contentOf(source: ByteSource): Promise<string> {
  const hashes: string[] = [];
  const reader = source.openReader?.();
  try {
    for (let at = 0; at < source.sizeBytes; at += PIECE_BYTES) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, source.sizeBytes - at));
      if (reader) await reader.readInto(at, piece);
      hashes.push(await sha256Of([reader ? piece : await source.read(at, piece.length)]));
    }
  } finally {
    await reader?.close();
  }
  return sha256Of([new TextEncoder().encode(hashes.join())]);
}
