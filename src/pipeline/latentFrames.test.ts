import { describe, expect, test } from 'vitest';
import { fromFrames, latentDims, latentLength, toFrames } from './latentFrames';
import type { LatentLayout } from './PipelineDescription';

const LATENT = { channels: 3, frames: 4, height: 2, width: 5 };

/** The value at (frame, channel, y, x) tells where it is. */
const label = (frame: number, channel: number, y: number, x: number) => frame * 1000 + channel * 100 + y * 10 + x;

/** A clip filled in the order of the layout's own axes. */
function clipIn(layout: LatentLayout): Float32Array {
  const { channels, frames, height, width } = LATENT;
  const size: Record<string, number> = { C: channels, F: frames, H: height, W: width };
  const axes =
    layout === 'BLC' ? ['F', 'H', 'W', 'C'] : layout === 'BCHW' ? ['F', 'C', 'H', 'W'] : [...layout.slice(1)];
  let places: Record<string, number>[] = [{}];
  for (const axis of axes)
    places = places.flatMap((place) => Array.from({ length: size[axis]! }, (_, i) => ({ ...place, [axis]: i })));
  return Float32Array.from(places, (place) => label(place['F']!, place['C']!, place['H']!, place['W']!));
}

describe.each<[LatentLayout, number[]]>([
  ['BCFHW', [2, 3, 4, 2, 5]],
  ['BFCHW', [2, 4, 3, 2, 5]],
  ['BCHW', [8, 3, 2, 5]],
  ['BLC', [2, 40, 3]],
])('%s', (layout, dims) => {
  test('dimensions of a batch of two', () => {
    expect(latentDims(layout, LATENT, 2)).toEqual(dims);
    expect(dims.reduce((product, dim) => product * dim)).toBe(2 * latentLength(LATENT));
  });
  test('to frames and back', () => {
    const clip = clipIn(layout);
    const frames = toFrames(clip, layout, LATENT);
    expect(frames).toEqual(clipIn('BFCHW'));
    expect(fromFrames(frames, layout, LATENT)).toEqual(clip);
  });
});

test('a clip of another size is refused', () => {
  expect(() => toFrames(new Float32Array(7), 'BCFHW', LATENT)).toThrow(RangeError);
});
