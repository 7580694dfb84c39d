/** What is done with pixels on the page: frames on a 2-D canvas, the difference picture, a hash for tests. */
import { present } from '../../errors/present';
import type { Clip } from '../../metrics/Clip';

function frameBytes(clip: Clip, frame: number): Uint8ClampedArray {
  const length = clip.width * clip.height * 4;
  return clip.pixels.subarray(frame * length, (frame + 1) * length);
}

function image(pixels: Uint8ClampedArray, width: number, height: number): ImageData {
  const result = new ImageData(width, height);
  result.data.set(pixels);
  return result;
}

/** Draws one frame at the clip's own size; scaling is left to CSS (`image-rendering: pixelated`). */
export function drawFrame(canvas: HTMLCanvasElement, clip: Clip, frame: number): void {
  sizeTo(canvas, clip.width, clip.height);
  contextOf(canvas).putImageData(image(frameBytes(clip, frame), clip.width, clip.height), 0, 0);
}

/** |student - teacher| per channel, times `gain`; clips must have one size. */
export function drawDifference(
  canvas: HTMLCanvasElement,
  teacher: Clip,
  student: Clip,
  frame: number,
  gain: number,
): void {
  sizeTo(canvas, teacher.width, teacher.height);
  const pixels = difference(frameBytes(teacher, frame), frameBytes(student, frame), gain);
  contextOf(canvas).putImageData(image(pixels, teacher.width, teacher.height), 0, 0);
}

export function difference(a: Uint8ClampedArray, b: Uint8ClampedArray, gain: number): Uint8ClampedArray {
  const result = new Uint8ClampedArray(a.length);
  // biome-ignore lint/style/noNonNullAssertion: a loop over all bytes of two frames of one size
  for (let i = 0; i < a.length; i++) result[i] = i % 4 === 3 ? 255 : Math.abs(a[i]! - b[i]!) * gain;
  return result;
}

/** No other context is asked of these canvases. */
const contextOf = (canvas: HTMLCanvasElement): CanvasRenderingContext2D => present(canvas.getContext('2d'));

function sizeTo(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

const hashes = new WeakMap<Clip, string>();

/** FNV-1a over all pixels, eight hex digits; remembered per clip. */
export function clipHash(clip: Clip): string {
  let text = hashes.get(clip);
  if (text === undefined) {
    let hash = 0x811c9dc5;
    for (const byte of clip.pixels) hash = Math.imul(hash ^ byte, 0x01000193);
    text = (hash >>> 0).toString(16).padStart(8, '0');
    hashes.set(clip, text);
  }
  return text;
}

/**
 * The largest zoom at which `count` clips fit next to each other and every pixel of the clip covers a whole number of
 * the screen's; below 1 only where even 1 is too large. `density`: screen pixels for each CSS pixel.
 */
export function fittingZoom(
  room: { readonly width: number; readonly height: number },
  clip: { readonly width: number; readonly height: number },
  count: number,
  gapPx: number,
  density = 1,
): number {
  const zoom = Math.min((room.width - gapPx * (count - 1)) / (count * clip.width), room.height / clip.height);
  return zoom >= 1 ? Math.floor(zoom * density) / density : Math.max(0.05, zoom);
}
