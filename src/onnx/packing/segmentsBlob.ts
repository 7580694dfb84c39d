/** The planned weights file as a Blob that is put together from ranges of the old files: nothing of them is read or copied. */
import type { Segment } from './planSegments';

/** Segments of sources that are no Blobs are read into memory. The Blob lives as long as the files it was cut from stay as they are. */
export async function segmentsBlob(segments: readonly Segment[]): Promise<Blob> {
  const parts: BlobPart[] = [];
  let position = 0;
  for (const { from, lengthBytes, offsetBytes } of segments) {
    if (offsetBytes > position) parts.push(new Uint8Array(offsetBytes - position));
    if ('bytes' in from) parts.push(from.bytes as Uint8Array<ArrayBuffer>);
    else if (from.source.blob) parts.push(from.source.blob.slice(from.offsetBytes, from.offsetBytes + lengthBytes));
    else parts.push((await from.source.read(from.offsetBytes, lengthBytes)) as Uint8Array<ArrayBuffer>);
    position = offsetBytes + lengthBytes;
  }
  return new Blob(parts);
}
