/** What a GIF file says of itself. */
import { expect } from 'vitest';

/** Screen size, and each frame's delay in 1/100 s with its size; walks the blocks of a GIF89a file. */
export function readGif(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: { delay: number; width: number; height: number }[] = [];
  const globalColours = bytes[10]! & 0x80 ? 2 << (bytes[10]! & 7) : 0;
  let at = 13 + 3 * globalColours;
  let delay = 0;
  const skipBlocks = () => {
    while (bytes[at]! !== 0) at += bytes[at]! + 1;
    at++;
  };
  while (bytes[at] !== 0x3b) {
    if (bytes[at] === 0x21) {
      if (bytes[at + 1] === 0xf9) delay = view.getUint16(at + 4, true);
      at += 2;
    } else {
      expect(bytes[at]).toBe(0x2c);
      expect(bytes[at + 9]! & 0x80).toBe(0); // the palette is the file's, not the frame's
      frames.push({ delay, width: view.getUint16(at + 5, true), height: view.getUint16(at + 7, true) });
      at += 11;
    }
    skipBlocks();
  }
  return {
    signature: String.fromCharCode(...bytes.subarray(0, 6)),
    width: view.getUint16(6, true),
    height: view.getUint16(8, true),
    frames,
  };
}
