/**
 * The signed error of two clips, e = student - teacher, over red, green and blue; everything that compares
 * pixels starts from it. Alpha is no part of any metric.
 */
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
export function clipError(teacher: Clip, student: Clip): ClipError {
  assertComparable(teacher, student);
  const values = new Int16Array((teacher.pixels.length / 4) * 3);
  for (let from = 0, to = 0; to < values.length; from += 4, to += 3) {
    values[to] = student.pixels[from]! - teacher.pixels[from]!;
    values[to + 1] = student.pixels[from + 1]! - teacher.pixels[from + 1]!;
    values[to + 2] = student.pixels[from + 2]! - teacher.pixels[from + 2]!;
  }
  return { frames: teacher.frameCount, frameLength: teacher.height * teacher.width * 3, values };
}

function assertComparable(teacher: Clip, student: Clip): void {
  for (const clip of [teacher, student]) {
    if (clip.pixels.length !== clip.frameCount * clip.height * clip.width * 4) {
      throw new StudioError('internal', 'A clip does not hold as many pixels as its size says.', sizeOf(clip));
    }
  }
  if (
    teacher.frameCount !== student.frameCount ||
    teacher.height !== student.height ||
    teacher.width !== student.width
  ) {
    throw new StudioError('internal', 'Clips of different sizes cannot be compared.', {
      teacher: Object.values(sizeOf(teacher)).join('x'),
      student: Object.values(sizeOf(student)).join('x'),
    });
  }
}

const sizeOf = (clip: Clip) => ({ frames: clip.frameCount, height: clip.height, width: clip.width });
