/**
 * Weber contrast of a frame's channels by spatial band: what differs from the surroundings, over the light of the
 * surroundings, of each clip by its own.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Plane } from '../luma';
import { expand, gaussianPyramid } from './decimatedPyramid';

export interface ContrastBand {
  readonly width: number;
  readonly height: number;
  /** One for each channel, reference and candidate. */
  readonly reference: readonly Float32Array[];
  readonly candidate: readonly Float32Array[];
  /** log10 cd/m^2 around each pixel of the reference. */
  readonly logBackground: Float32Array;
}

const DARKEST = 0.01;
const LARGEST = 1000;

/** Channels: luminance first. `count`: bands with the base band. */
export function contrastBands(
  reference: readonly Plane[],
  candidate: readonly Plane[],
  count: number,
): readonly ContrastBand[] {
  const ofReference = layersOf(reference, count);
  const ofCandidate = layersOf(candidate, count);
  return ofReference.map((layer, band) => {
    const { width, height } = layer.channels[0]!;
    return {
      width,
      height,
      reference: contrasts(layer, band, count),
      candidate: contrasts(ofCandidate[band]!, band, count),
      logBackground: layer.background.map(Math.log10),
    };
  });
}

interface Layer {
  readonly channels: readonly Plane[];
  /** cd/m^2. */
  readonly background: Float32Array;
}

function layersOf(channels: readonly Plane[], count: number): readonly Layer[] {
  const pyramids = channels.map((channel) => gaussianPyramid(channel, count));
  return Array.from({ length: count }, (_, band): Layer => {
    const planes = pyramids.map((pyramid) => pyramid[band]!);
    if (band === count - 1) return { channels: planes, background: meanBackground(planes[0]!) };
    const surroundings = planes.map(({ width, height }, channel) =>
      expand(pyramids[channel]![band + 1]!, width, height),
    );
    const differences = planes.map((plane, channel) => difference(plane, surroundings[channel]!));
    return { channels: differences, background: surroundings[0]!.values.map((light) => Math.max(DARKEST, light)) };
  });
}

/** The base band is no difference; the light of the whole frame is its background. */
function meanBackground({ values }: Plane): Float32Array {
  const sum = values.reduce((total, light) => total + Math.max(DARKEST, light), 0);
  return new Float32Array(values.length).fill(sum / values.length);
}

function difference(plane: Plane, from: Plane): Plane {
  return { ...plane, values: plane.values.map((value, i) => value - from.values[i]!) };
}

/** Bands between the finest and the base count twice, as in the package. */
function contrasts({ channels, background }: Layer, band: number, count: number): readonly Float32Array[] {
  const gain = band === 0 || band === count - 1 ? 1 : 2;
  return channels.map(({ values }) => values.map((value, i) => gain * Math.min(LARGEST, value / background[i]!)));
}
