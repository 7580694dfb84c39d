/**
 * The frames that a saved clip consists of, as canvases: one side, two or three next to each other, or a difference, each
 * pixel enlarged by a whole number, with a line of text below that says what it is.
 */
import { present } from '../../../errors/present';
import type { Clip } from '../../../metrics/Clip';
import { difference } from '../pixels';

export type SavedPart = 'three' | 'both' | 'teacher' | 'student' | 'second' | 'difference';

export interface PictureSource {
  readonly teacher?: Clip | undefined;
  readonly student?: Clip | undefined;
  readonly second?: Clip | undefined;
}

export interface PictureOptions {
  readonly part: SavedPart;
  /** Whole number of screen pixels for each of the clip. */
  readonly scale: number;
  /** Amplification of the difference. */
  readonly gain: number;
  /** Under the picture; '' leaves the line out. */
  readonly caption: (frame: number) => string;
}

export interface FramePainter {
  readonly width: number;
  readonly height: number;
  readonly frameCount: number;
  /** Draws one frame; the canvas is the same for all of them. */
  paint(frame: number): OffscreenCanvas;
}

const gap = 8;
const captionHeight = 28;

/** Null where a clip that is asked for is not there. Even sizes: video encoders want them. */
export function framePainter(
  source: PictureSource,
  { part, scale, gain, caption }: PictureOptions,
): FramePainter | null {
  const clips = clipsOf(source, part);
  const [first] = clips;
  if (!first || clips.some((clip) => clip === undefined)) return null;
  const shown = part === 'difference' ? [first] : (clips as readonly Clip[]);
  const lineHeight = caption(0) === '' ? 0 : captionHeight;
  const even = (size: number) => size + (size % 2);
  const width = even(shown.length * first.width * scale + (shown.length - 1) * gap);
  const height = even(first.height * scale + lineHeight);
  const canvas = new OffscreenCanvas(width, height);
  const context = present(canvas.getContext('2d', { willReadFrequently: true }));
  const single = new OffscreenCanvas(first.width, first.height);
  const singleContext = present(single.getContext('2d'));
  const paint = (frame: number): OffscreenCanvas => {
    context.fillStyle = '#0d0f13';
    context.fillRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    shown.forEach((clip, i) => {
      const pixels =
        part === 'difference'
          ? difference(frameOf(present(source.teacher), frame), frameOf(present(source.student), frame), gain)
          : frameOf(clip, frame);
      const image = new ImageData(clip.width, clip.height);
      image.data.set(pixels);
      singleContext.putImageData(image, 0, 0);
      context.drawImage(single, i * (clip.width * scale + gap), 0, clip.width * scale, clip.height * scale);
    });
    if (lineHeight > 0) writeLine(context, caption(frame), width, height);
    return canvas;
  };
  return { width, height, frameCount: first.frameCount, paint };
}

function clipsOf({ teacher, student, second }: PictureSource, part: SavedPart): readonly (Clip | undefined)[] {
  if (part === 'teacher') return [teacher];
  if (part === 'student') return [student];
  if (part === 'second') return [second];
  return part === 'three' ? [teacher, student, second] : [teacher, student];
}

function frameOf(clip: Clip, frame: number): Uint8ClampedArray {
  const length = clip.width * clip.height * 4;
  const at = Math.min(frame, clip.frameCount - 1) * length;
  return clip.pixels.subarray(at, at + length);
}

/** As much of the text as fits. */
function writeLine(context: OffscreenCanvasRenderingContext2D, text: string, width: number, height: number): void {
  context.font = '12px Inter, system-ui, sans-serif';
  context.fillStyle = '#e7eaef';
  context.textBaseline = 'middle';
  let line = text;
  while (line.length > 1 && context.measureText(line).width > width - 12) line = `${line.slice(0, -2).trimEnd()}…`;
  context.fillText(line, 6, height - captionHeight / 2);
}
