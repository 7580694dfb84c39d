/**
 * Random access to bytes that live somewhere else: a File of the page, a file on disk, memory. Reading a range
 * never reads more than that range. Not a stream and not a cache.
 */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Throws `onnx/external-data-range` when the range leaves the source. The result belongs to the caller. */
  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array>;
  /** As `read`, into memory that is there already; absent where a source cannot but make its own. */
  readInto?(offsetBytes: number, target: Uint8Array): Promise<void>;
  /** Set in the browser: a runtime that streams Blobs can take it as it is. */
  readonly blob?: Blob;
  /** Set in Node: a runtime that opens files can take it as it is. */
  readonly filePath?: string;
}
