/**
 * Random access to bytes that live somewhere else: a File of the page, a file on disk, memory. Reading a range
 * never reads more than that range. Not a stream and not a cache.
 */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Throws `onnx/external-data-range` when the range leaves the source. The result belongs to the caller. */
  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array>;
  /** A quicker way through much of the source, from front to back; absent where `read` is as quick. */
  openReader?(): SequentialReader;
  /** Set where the whole of it is in memory: for readers that change nothing, without a copy. */
  readonly bytes?: Uint8Array;
  /** Set in the browser: a runtime that streams Blobs can take it as it is. */
  readonly blob?: Blob;
  /** Set in Node: a runtime that opens files can take it as it is. */
  readonly filePath?: string;
}

/** Reads one range at a time, each beginning where the one before ended or later. */
export interface SequentialReader {
  /** Fills `target`. Throws `onnx/external-data-range` when the range leaves the source. */
  readInto(offsetBytes: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}
