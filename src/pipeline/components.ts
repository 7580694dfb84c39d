/** A pipeline's component files, read and opened once: graph, external weights, session. */

import { openExternalData } from '../library/externalData';
import type { Folder } from '../library/Folder';
import type { ByteSource } from '../onnx/ByteSource';
import { checkModel } from '../onnx/checkModel';
import { externalLocations } from '../onnx/externalLocations';
import type { Model } from '../onnx/model';
import { readModel } from '../onnx/readModel';
import { writeModel } from '../onnx/writeModel';
import type { OpenProgress } from './OpenProgress';

export interface Component {
  readonly path: string;
  /** The file as it is. */
  readonly bytes: Uint8Array;
  readonly model: Model;
  /** Location -> weights file; empty when all weights are inside. */
  readonly weights: ReadonlyMap<string, ByteSource>;
}

/**
 * The file as the runtime is to have it: with external weights it is written anew, so that their locations are spelt
 * as the keys of `weights` are (`./weights.bin` is not, in the file).
 */
export const sessionBytes = ({ bytes, model, weights }: Component): Uint8Array =>
  weights.size > 0 ? writeModel(model) : bytes;

export interface ComponentReader {
  /** Reads a file once; later calls give the same object. */
  read(path: string): Promise<Component>;
}

/** A report for each chunk would cost the page more than the chunk. */
const REPORT_EVERY_MS = 50;

export function componentReader(
  folder: Folder,
  signal: AbortSignal | undefined,
  onProgress: ((progress: OpenProgress) => void) | undefined,
): ComponentReader {
  const components = new Map<string, Promise<Component>>();
  const load = async (path: string): Promise<Component> => {
    let reportedAtMs = Number.NEGATIVE_INFINITY;
    const report = (phase: OpenProgress['phase'], loadedBytes: number, totalBytes: number) => {
      const nowMs = performance.now();
      const done = totalBytes > 0 && loadedBytes >= totalBytes;
      if (phase === 'fetch' && !done && nowMs - reportedAtMs < REPORT_EVERY_MS) return;
      reportedAtMs = nowMs;
      onProgress?.({ phase, what: path, loadedBytes, totalBytes });
    };
    const source = await folder.open(path, { signal, onProgress: (loaded, total) => report('fetch', loaded, total) });
    signal?.throwIfAborted();
    const bytes = source.bytes ?? (await source.read(0, source.sizeBytes));
    report('parse', 0, bytes.length);
    const model = readModel(bytes);
    checkModel(model);
    const weights = await openExternalData(folder, path, externalLocations(model), {
      signal,
      onProgress: (loaded, total) => report('fetch', loaded, total),
    });
    signal?.throwIfAborted();
    return { path, bytes, model, weights };
  };
  return {
    read: (path) => {
      const known = components.get(path) ?? load(path);
      components.set(path, known);
      return known;
    },
  };
}
