/** Pieces of bytes as one array: for what has to lie in memory whole. */

/** `sizeBytes`: of all pieces together. */
export function joinedBytes(pieces: readonly Uint8Array[], sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes);
  let position = 0;
  for (const piece of pieces) {
    bytes.set(piece, position);
    position += piece.length;
  }
  return bytes;
}
