/** A painted clip as a file: one frame as PNG, all as GIF, WebM or MP4. The encoders are kept libraries. */
import { present } from '../../../errors/present';
import type { FramePainter } from './picture';

export type ClipFormat = 'png' | 'gif' | 'webm' | 'mp4';

export async function encodePng(painter: FramePainter, frame: number): Promise<Blob> {
  return painter.paint(frame).convertToBlob({ type: 'image/png' });
}

/** Loops for ever; at most 256 colours, chosen for the clip as a whole so that still parts do not shimmer. */
export async function encodeGif(painter: FramePainter, framesPerSecond: number): Promise<Blob> {
  const { GIFEncoder, applyPalette, quantize } = await import('gifenc');
  const { width, height, frameCount } = painter;
  const frames = Array.from({ length: frameCount }, (_, frame) => pixelsOf(painter, frame));
  const palette = quantize(sampled(frames), 256);
  const encoder = GIFEncoder();
  frames.forEach((pixels, frame) => {
    const delay = Math.round(1000 / framesPerSecond);
    const index = applyPalette(pixels, palette);
    encoder.writeFrame(index, width, height, frame === 0 ? { palette, delay, repeat: 0 } : { delay });
  });
  encoder.finish();
  return new Blob([new Uint8Array(encoder.bytes())], { type: 'image/gif' });
}

function pixelsOf(painter: FramePainter, frame: number): Uint8ClampedArray {
  return present(painter.paint(frame).getContext('2d')).getImageData(0, 0, painter.width, painter.height).data;
}

/** Every few pixels of all frames: enough to choose colours by. */
function sampled(frames: readonly Uint8ClampedArray[]): Uint8Array {
  const total = frames.reduce((sum, { length }) => sum + length / 4, 0);
  const step = Math.max(1, Math.floor(total / 400_000));
  const picked: number[] = [];
  for (const frame of frames)
    for (let at = 0; at < frame.length; at += 4 * step) picked.push(...frame.subarray(at, at + 3), 255);
  return Uint8Array.from(picked);
}

/** Codecs from the one that keeps most; a browser encodes some of them. */
const codecs = { webm: ['vp9', 'av1', 'vp8'], mp4: ['avc', 'hevc', 'av1', 'vp9'] } as const;

/** Whether this browser can write the format at all. */
export async function canEncode(format: 'webm' | 'mp4'): Promise<boolean> {
  if (typeof VideoEncoder === 'undefined') return false;
  const { getFirstEncodableVideoCodec } = await import('mediabunny');
  return (await getFirstEncodableVideoCodec([...codecs[format]])) !== null;
}

/** Throws where the browser cannot encode any codec of the container at this size. */
export async function encodeVideo(
  painter: FramePainter,
  format: 'webm' | 'mp4',
  framesPerSecond: number,
): Promise<Blob> {
  const {
    BufferTarget,
    CanvasSource,
    getFirstEncodableVideoCodec,
    Mp4OutputFormat,
    Output,
    QUALITY_VERY_HIGH,
    WebMOutputFormat,
  } = await import('mediabunny');
  const { width, height, frameCount } = painter;
  const codec = await getFirstEncodableVideoCodec([...codecs[format]], { width, height });
  if (codec === null) throw new Error(`This browser has no encoder for ${format.toUpperCase()} at ${width}x${height}.`);
  const target = new BufferTarget();
  const output = new Output({ format: format === 'mp4' ? new Mp4OutputFormat() : new WebMOutputFormat(), target });
  const source = new CanvasSource(painter.paint(0), { codec, bitrate: QUALITY_VERY_HIGH });
  output.addVideoTrack(source, { frameRate: framesPerSecond });
  await output.start();
  for (let frame = 0; frame < frameCount; frame++) {
    painter.paint(frame);
    await source.add(frame / framesPerSecond, 1 / framesPerSecond);
  }
  await output.finalize();
  return new Blob([present(target.buffer)], { type: `video/${format}` });
}
