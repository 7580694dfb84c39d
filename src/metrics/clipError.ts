/**
 * The signed error of two clips, e = candidate - reference, over red, green and blue; everything that compares
 * pixels starts from it. Alpha is no part of any metric.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import { StudioError } from '../errors/StudioError';
import type { Clip } from './Clip';

/** e[t * frameLength + i] in 8-bit levels, -255..255; i runs over pixels, then channels. */
export interface ClipError {
  readonly frames: number;
  /** height * width * 3. */
  readonly frameLength: number;
  readonly values: Int16Array;
}

/** Throws `internal` when the clips differ in size: both sides of a comparison come from one pipeline. */
export function clipError(reference: Clip, candidate: Clip): ClipError {
  assertComparable(reference, candidate);
  const values = new Int16Array((reference.pixels.length / 4) * 3);
  for (let from = 0, to = 0; to < values.length; from += 4, to += 3) {
    values[to] = candidate.pixels[from]! - reference.pixels[from]!;
    values[to + 1] = candidate.pixels[from + 1]! - reference.pixels[from + 1]!;
    values[to + 2] = candidate.pixels[from + 2]! - reference.pixels[from + 2]!;
  }
  return { frames: reference.frameCount, frameLength: reference.height * reference.width * 3, values };
}

/** Throws `internal`. */
export function assertComparable(reference: Clip, candidate: Clip): void {
  for (const clip of [reference, candidate]) {
    if (clip.pixels.length !== clip.frameCount * clip.height * clip.width * 4) {
      throw new StudioError('internal', 'A clip does not hold as many pixels as its size says.', sizeOf(clip));
    }
  }
  if (
    reference.frameCount !== candidate.frameCount ||
    reference.height !== candidate.height ||
    reference.width !== candidate.width
  ) {
    throw new StudioError('internal', 'Clips of different sizes cannot be compared.', {
      reference: Object.values(sizeOf(reference)).join('x'),
      candidate: Object.values(sizeOf(candidate)).join('x'),
    });
  }
}

const sizeOf = (clip: Clip) => ({ frames: clip.frameCount, height: clip.height, width: clip.width });
