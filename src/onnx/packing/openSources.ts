/** Sources that are read from front to back, each through one reader that stays open. */
import type { ByteSource, SequentialReader } from '../ByteSource';

/** A reader for each source that has one, opened when it is first read. */
export class OpenSources {
  private readonly readers = new Map<ByteSource, SequentialReader>();

  async readInto(source: ByteSource, offsetBytes: number, target: Uint8Array): Promise<void> {
    if (!source.openReader) return target.set(await source.read(offsetBytes, target.length));
    let reader = this.readers.get(source);
    if (!reader) this.readers.set(source, (reader = source.openReader()));
    return reader.readInto(offsetBytes, target);
  }

  async close(): Promise<void> {
    await Promise.all([...this.readers.values()].map((reader) => reader.close()));
  }
}
