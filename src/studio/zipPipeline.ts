/** A whole pipeline folder as a zip with another denoiser in place. Stored, not deflated: weights do not shrink. */
import { Zip, ZipPassThrough } from 'fflate';
import { StudioError } from '../errors/StudioError';
import type { ByteSource } from '../onnx/ByteSource';
import { blobSource } from '../onnx/blobSource';
import { memorySource } from '../onnx/memorySource';
import type { Component } from '../pipeline/components';
import type { ExportedFile } from './exportData';
import type { Pipeline } from './Pipeline';
import { isOfTeacherAlone } from './studentFolder';
import { unlistedFiles } from './unlistedFiles';

export interface ZipEntries {
  readonly list: readonly { readonly path: string; readonly source: ByteSource }[];
  readonly sizeBytes: number;
}

const CHUNK_BYTES = 4 * 2 ** 20;
/** Without the 64-bit extension, which the library does not write. */
const MAX_ZIP_BYTES = 2 ** 32 - 2 ** 20;

/** A component as it is to be in the zip: its graph and its weights, by their names in its folder. */
export interface ReplacedComponent {
  readonly file: Component;
  readonly files: readonly ExportedFile[];
}

/**
 * Every file of the folder, those of some components and some `texts` replaced. Throws `onnx/too-large` for more than a zip
 * can hold.
 */
export async function zipEntries(
  pipeline: Pipeline,
  components: readonly ReplacedComponent[],
  texts: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): Promise<ZipEntries> {
  const { folder } = pipeline;
  const list: { readonly path: string; readonly source: ByteSource }[] = [];
  const others = await otherPaths(
    pipeline,
    components.map(({ file }) => file),
  );
  for (const path of others) if (!texts.has(path)) list.push({ path, source: await folder.open(path) });
  for (const [path, bytes] of texts) list.push({ path, source: memorySource(bytes) });
  for (const { file, files } of components) {
    for (const { name, blob } of files) list.push({ path: inFolderOf(file, name), source: blobSource(blob) });
  }
  const sizeBytes = list.reduce((sum, { source }) => sum + source.sizeBytes, 0);
  if (sizeBytes > MAX_ZIP_BYTES) {
    throw new StudioError(
      'onnx/too-large',
      `The zip would have ${(sizeBytes / 1e9).toFixed(2)} GB, and its format ends at 4 GB. Export the denoiser with external data instead.`,
      { sizeBytes },
    );
  }
  return { list, sizeBytes };
}

const inFolderOf = ({ path }: Component, name: string): string => [...path.split('/').slice(0, -1), name].join('/');

/** Every file of the folder but the graphs and weights of these components, and what is of the teacher alone. */
export async function otherPaths(pipeline: Pipeline, components: readonly Component[]): Promise<readonly string[]> {
  const replaced = new Set(
    components.flatMap((file) => [file.path, ...[...file.weights.keys()].map((name) => inFolderOf(file, name))]),
  );
  return (pipeline.folder.paths ?? (await unlistedFiles(pipeline.folder, pipeline.description))).filter(
    (path) => !replaced.has(path) && !isOfTeacherAlone(path),
  );
}

/**
 * The zip as a Blob made of the entries' own where they have one: these are read for their checksums and not copied.
 * `onPacked`: bytes of entries read so far. Throws the signal's reason and what sources throw.
 */
export async function zipBlob(
  { list }: ZipEntries,
  onPacked: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<Blob> {
  const parts: BlobPart[] = [];
  /** What an entry's next bytes are in the zip: themselves, the Blob that begins with them, or nothing where that is there already. */
  let next: { readonly bytes: Uint8Array; readonly part: BlobPart | undefined } | undefined;
  const zip = new Zip((error, bytes) => {
    if (error) throw error;
    const part = bytes === next?.bytes ? next.part : (bytes as Uint8Array<ArrayBuffer>); // else a header or checksum
    if (part !== undefined) parts.push(part);
  });
  let packed = 0;
  for (const { path, source } of list) {
    const entry = new ZipPassThrough(path);
    zip.add(entry);
    const reader = source.openReader?.();
    try {
      for (let offset = 0; offset < source.sizeBytes || offset === 0; offset += CHUNK_BYTES) {
        signal?.throwIfAborted();
        const length = Math.min(CHUNK_BYTES, source.sizeBytes - offset);
        const bytes = reader
          ? new Uint8Array(length)
          : ((await source.read(offset, length)) as Uint8Array<ArrayBuffer>);
        await reader?.readInto(offset, bytes);
        next = { bytes, part: source.blob === undefined ? bytes : offset === 0 ? source.blob : undefined };
        entry.push(bytes, offset + length === source.sizeBytes);
        onPacked((packed += length));
      }
    } finally {
      await reader?.close();
    }
  }
  zip.end();
  return new Blob(parts);
}
