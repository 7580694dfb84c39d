/** What a display shows of a clip, as light in an opponent colour space (DKL, white point D65). */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Clip } from '../Clip';
import type { Plane } from '../luma';
import type { Display } from './parameters';

/** Luminance, red-green and yellow-violet of one frame. */
export type OpponentFrame = readonly [luminance: Plane, redGreen: Plane, yellowViolet: Plane];

/** `rgbToOpponent`: three rows for linear RGB in cd/m^2. */
export function opponentFrame(
  { width, height, pixels }: Clip,
  frame: number,
  display: Display,
  rgbToOpponent: readonly (readonly number[])[],
): OpponentFrame {
  const light = Float64Array.from({ length: 256 }, (_, level) => lightOf(level, display));
  const length = width * height;
  const planes = rgbToOpponent.map((row) => {
    const values = new Float32Array(length);
    for (let i = 0, at = frame * length * 4; i < length; i++, at += 4) {
      values[i] = row[0]! * light[pixels[at]!]! + row[1]! * light[pixels[at + 1]!]! + row[2]! * light[pixels[at + 2]!]!;
    }
    return { width, height, values };
  });
  return planes as unknown as OpponentFrame;
}

/** cd/m^2 of an 8-bit sRGB level. */
function lightOf(level: number, { peak, black, reflected }: Display): number {
  const value = level / 255;
  const linear = value > 0.04045 ? ((value + 0.055) / 1.055) ** 2.4 : value / 12.92;
  return (peak - black) * linear + black + reflected;
}
