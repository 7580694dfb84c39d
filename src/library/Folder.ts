/**
 * A pipeline folder wherever it lives (served beside the page, dropped files, a URL, a disk), seen as paths
 * and byte sources. It knows nothing of what the files mean; `pipeline/PipelineDescription` does.
 */
import type { ByteSource } from '../onnx/ByteSource';

export interface Folder {
  /** For people: 'emoji-t2v', 'my-model.onnx'. */
  readonly name: string;
  /** Paths relative to the folder, with forward slashes. `null`: cannot be listed (plain http). */
  readonly paths: readonly string[] | null;
  /** Those read so far, where they are remembered (`recordReads`). */
  readonly readPaths?: ReadonlySet<string>;
  /** Throws `library/missing-file` when there is no such file. */
  open(
    path: string,
    options?: { signal?: AbortSignal; onProgress?: (loadedBytes: number, totalBytes: number) => void },
  ): Promise<ByteSource>;
  has(path: string): Promise<boolean>;
  /** Whether the file, links followed, lies in the folder. Absent where there are no links. */
  staysInside?(path: string): Promise<boolean>;
}

/** What the page sends to the worker to say which folder to open. */
export type FolderReference =
  /** `keep`: store the files in the origin private file system and take them from there next time (see modelCache). */
  | {
      readonly kind: 'url';
      readonly url: string;
      readonly name: string;
      readonly keep?: boolean;
      /** Files that are known to be there and that opening reads: fetched at once, in this order, and never asked about. */
      readonly files?: readonly string[];
    }
  | {
      readonly kind: 'files';
      readonly name: string;
      readonly files: readonly { readonly path: string; readonly file: Blob }[];
    };
