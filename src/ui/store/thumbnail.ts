/** The middle frame of a clip as a small PNG data URL: what a student on the shelf is known by. */
import type { Clip } from '../../metrics/Clip';

const longestSide = 96;

export function thumbnailOf({ pixels, width, height, frameCount }: Clip): string | null {
  const length = width * height * 4;
  const at = (frameCount >> 1) * length;
  const full = document.createElement('canvas');
  full.width = width;
  full.height = height;
  const image = new ImageData(width, height);
  image.data.set(pixels.subarray(at, at + length));
  full.getContext('2d')?.putImageData(image, 0, 0);
  const scale = Math.min(1, longestSide / Math.max(width, height));
  if (scale === 1) return full.toDataURL('image/png');
  const small = document.createElement('canvas');
  small.width = Math.max(1, Math.round(width * scale));
  small.height = Math.max(1, Math.round(height * scale));
  small.getContext('2d')?.drawImage(full, 0, 0, small.width, small.height);
  return small.toDataURL('image/png');
}
