/**
 * Clips as latents: a folder of NAME.npy (float32 or float16, C order), each with NAME.txt for its prompt. As diffusers' VAE gives
 * them, times its scaling factor, in the denoiser's layout without the batch.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getFloat16 } from '@petamoriken/float16';
import { StudioError } from '../errors/StudioError';
import { sha256Of } from '../library/sha256';
import type { OwnClip } from '../studio/healing/ownClips';

export interface Latents {
  readonly clips: readonly OwnClip[];
  /** Of all files' bytes. */
  readonly fingerprint: string;
}

/** Sorted by name. `shape`: of a clip. Throws `library/missing-file`, `library/read-failed` and `cli/usage`. */
export async function readLatents(folder: string, shape: readonly number[]): Promise<Latents> {
  const names = (await read(folder, () => readdir(folder))).filter((name) => name.endsWith('.npy')).sort();
  if (names.length === 0) throw new StudioError('cli/usage', `${folder} has no .npy file.`, { path: folder });
  const pieces: Uint8Array[] = [];
  const clips: OwnClip[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const words = path.replace(/\.npy$/, '.txt');
    const bytes = await read(path, () => readFile(path));
    const prompt = await read(words, () => readFile(words, 'utf8'));
    pieces.push(bytes, new TextEncoder().encode(prompt));
    clips.push({ prompt: prompt.trim(), latent: parseNpy(bytes, shape, path) });
  }
  return { clips, fingerprint: await sha256Of(pieces) };
}

async function read<T>(path: string, reader: () => Promise<T>): Promise<T> {
  try {
    return await reader();
  } catch (cause) {
    throw new StudioError('library/missing-file', `${path} cannot be read.`, { path }, { cause });
  }
}

/** NumPy's format, versions 1 to 3. */
function parseNpy(bytes: Uint8Array, shape: readonly number[], path: string): Float32Array {
  const broken = (why: string) => new StudioError('library/read-failed', `${path} ${why}.`, { path });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || bytes[0] !== 0x93 || new TextDecoder().decode(bytes.subarray(1, 6)) !== 'NUMPY')
    throw broken('is no .npy file');
  const start = bytes[6] === 1 ? 10 : 12;
  const length = bytes[6] === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const header = new TextDecoder().decode(bytes.subarray(start, start + length));
  const type = /'descr':\s*'<f([24])'/.exec(header)?.[1];
  if (type === undefined || !/'fortran_order':\s*False/.test(header))
    throw broken('holds no float32 or float16 values in C order');
  const dims = [...(/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? '').matchAll(/\d+/g)].map(([digits]) =>
    Number(digits),
  );
  const own = dims.length === shape.length + 1 && dims[0] === 1 ? dims.slice(1) : dims;
  if (own.join() !== shape.join())
    throw broken(`is [${dims.join(', ')}], and a clip of this model [${shape.join(', ')}]`);
  const size = Number(type);
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (bytes.length < start + length + size * count) throw broken('ends too early');
  const at = (i: number) => start + length + size * i;
  return Float32Array.from({ length: count }, (_, i) =>
    size === 4 ? view.getFloat32(at(i), true) : getFloat16(view, at(i), true),
  );
}
