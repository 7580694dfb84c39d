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

/** Returns where in the zip each entry's bytes begin. `onPacked`: bytes of entries written so far. Throws the signal's reason and what sources and `write` throw. */
export async function packZip({ list }: ZipEntries, write: (chunk: Uint8Array) => Promise<void>, onPacked: (bytes: number) => void, signal: AbortSignal | undefined): Promise<number[]> {
  const pieces: Uint8Array[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    pieces.push(chunk);
  });
  let written = 0;
  const flush = async () => {
    for (const piece of pieces.splice(0)) {
      await write(piece);
      written += piece.length;
    }
  };
  const offsets: number[] = [];
  let packed = 0;
  for (const { path, source } of list) {
    const entry = new ZipPassThrough(path);
    zip.add(entry);
    for (let offset = 0; offset < source.sizeBytes || offset === 0; offset += CHUNK_BYTES) {
      signal?.throwIfAborted();
      const length = Math.min(CHUNK_BYTES, source.sizeBytes - offset);
      entry.push(await source.read(offset, length), offset + length === source.sizeBytes);
      if (offset === 0) offsets.push(written + pieces[0]!.length); // the first piece is the entry's header
      await flush();
      onPacked((packed += length));
    }
  }
  zip.end();
  await flush();
  return offsets;
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

