/** A whole pipeline folder as a zip with another denoiser in place. Stored, not deflated: weights do not shrink. */
import { Zip, ZipPassThrough } from 'fflate';
import { StudioError } from '../errors/StudioError';
import type { ByteSource } from '../onnx/ByteSource';
import type { OpenedParts } from './OpenedParts';

export interface ZipEntries {
  readonly list: readonly { readonly path: string; readonly source: ByteSource }[];
  readonly sizeBytes: number;
}

const CHUNK_BYTES = 4 * 2 ** 20;
/** Without the 64-bit extension, which the library does not write. */
const MAX_ZIP_BYTES = 2 ** 32 - 2 ** 20;

/** Every file of the folder, the denoiser's replaced. Throws `onnx/too-large` for more than a zip can hold. */
export async function zipEntries(parts: OpenedParts, denoiserFiles: readonly { readonly name: string; readonly source: ByteSource }[]): Promise<ZipEntries> {
  const { folder, denoiser } = parts;
  const directory = denoiser.path.split('/').slice(0, -1).join('/');
  const inFolder = (file: string) => (directory === '' ? file : `${directory}/${file}`);
  const replaced = new Set([denoiser.path, ...[...denoiser.weights.keys()].map(inFolder)]);
  const others = (folder.paths ?? (await knownFiles(parts))).filter((path) => !replaced.has(path));
  const list: { readonly path: string; readonly source: ByteSource }[] = [];
  for (const path of others) list.push({ path, source: await folder.open(path) });
  for (const { name, source } of denoiserFiles) list.push({ path: inFolder(name), source });
  const sizeBytes = list.reduce((sum, { source }) => sum + source.sizeBytes, 0);
  if (sizeBytes > MAX_ZIP_BYTES) {
    throw new StudioError('onnx/too-large', `The zip would have ${(sizeBytes / 1e9).toFixed(2)} GB, and its format ends at 4 GB. Export the denoiser with external data instead.`, { sizeBytes });
  }
  return { list, sizeBytes };
}

/** Bytes of the zip in order; those of an entry come with where they were read. Their memory may be used again once the promise is fulfilled. */
type OnPiece = (bytes: Uint8Array, from?: { readonly source: ByteSource; readonly offsetBytes: number }) => Promise<void> | void;

/** Returns where in the zip each entry's bytes begin. `onPacked`: bytes of entries read so far. Throws the signal's reason and what sources and `onPiece` throw. */
export async function packZip({ list }: ZipEntries, onPiece: OnPiece, onPacked: (bytes: number) => void, signal: AbortSignal | undefined): Promise<number[]> {
  const pieces: Uint8Array[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    pieces.push(chunk);
  });
  let written = 0;
  const flush = async (content?: { readonly chunk: Uint8Array; readonly source: ByteSource; readonly offsetBytes: number }) => {
    for (const piece of pieces.splice(0)) {
      await (piece === content?.chunk ? onPiece(piece, content) : onPiece(piece));
      written += piece.length;
    }
  };
  const offsets: number[] = [];
  let packed = 0;
  for (const { path, source } of list) {
    const entry = new ZipPassThrough(path);
    zip.add(entry);
    const reader = source.openReader?.();
    const memory = new Uint8Array(reader ? Math.min(CHUNK_BYTES, source.sizeBytes) : 0);
    try {
      for (let offset = 0; offset < source.sizeBytes || offset === 0; offset += CHUNK_BYTES) {
        signal?.throwIfAborted();
        const length = Math.min(CHUNK_BYTES, source.sizeBytes - offset);
        const chunk = reader ? memory.subarray(0, length) : await source.read(offset, length);
        await reader?.readInto(offset, chunk);
        entry.push(chunk, offset + length === source.sizeBytes);
        if (offset === 0) offsets.push(written + pieces[0]!.length); // the first piece is the entry's header
        await flush({ chunk, source, offsetBytes: offset });
        onPacked((packed += length));
      }
    } finally {
      await reader?.close();
    }
  }
  zip.end();
  await flush();
  return offsets;
}

/** The zip as a Blob made of the entries' own where they have one: these are read for their checksums and not copied. Throws as `packZip` does. */
export async function zipBlob(entries: ZipEntries, onPacked: (bytes: number) => void, signal: AbortSignal | undefined): Promise<Blob> {
  const parts: BlobPart[] = [];
  const onPiece: OnPiece = (bytes, from) => {
    const whole = from?.source.blob;
    if (!whole) parts.push(bytes.slice());
    else if (from!.offsetBytes === 0) parts.push(whole);
  };
  await packZip(entries, onPiece, onPacked, signal);
  return new Blob(parts);
}

/** For a folder that cannot be listed (plain http): what Optimum's layout may hold and what is there. */
async function knownFiles({ folder }: OpenedParts): Promise<string[]> {
  const components = ['unet', 'transformer', 'vae_decoder', 'vae_encoder', 'text_encoder', 'text_encoder_2'];
  const candidates = [
    'model_index.json',
    'README.md',
    ...components.flatMap((part) => [`${part}/model.onnx`, `${part}/config.json`]),
    ...['tokenizer.json', 'tokenizer_config.json', 'vocab.json', 'merges.txt', 'special_tokens_map.json'].map((file) => `tokenizer/${file}`),
    'scheduler/scheduler_config.json',
  ];
  const there: string[] = [];
  for (const path of candidates) if (await folder.has(path)) there.push(path);
  return there;
}

