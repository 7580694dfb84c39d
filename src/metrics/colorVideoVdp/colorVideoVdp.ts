/**
 * ColorVideoVDP (Mantiuk et al., ACM TOG 2024): how different a viewer finds two clips on a display, in JOD
 * (just-objectionable differences; 10: no difference is seen, one JOD less: 75 % of people prefer the other). The whole
 * video metric of the PyPI package `cvvdp` 0.5.7 for 8-bit sRGB, checked against it; without its heat maps.
 */
import { present } from '../../errors/present';
import type { Clip } from '../Clip';
import { assertComparable } from '../clipError';
import { contrastBands } from './contrastBands';
import { sensitivities } from './contrastSensitivity';
import { bandFrequencies } from './decimatedPyramid';
import { baseDifference, visibleDifference } from './masking';
import { type OpponentFrame, opponentFrame } from './opponentFrames';
import { type ColorVideoVdpFile, type Display, type DisplayName, loadParameters } from './parameters';
import { norm, pooledJod } from './pooling';
import { filterOverTime, temporalFilters } from './temporalFilters';

export interface ColorVideoVdpOptions {
  readonly framesPerSecond: number;
  /** What the clip is looked at on, pixel by pixel. Default: standard_4k. */
  readonly display?: DisplayName;
  /** Awaited after every frame; ends the work by throwing. */
  readonly pause?: () => Promise<void>;
}

export interface ColorVideoVdp {
  readonly jod: number;
  readonly display: DisplayName;
}

/** Throws `internal` for clips of different sizes, and what `pause` throws. */
export async function colorVideoVdp(
  reference: Clip,
  candidate: Clip,
  { framesPerSecond, display: name = 'standard_4k', pause }: ColorVideoVdpOptions,
): Promise<ColorVideoVdp> {
  assertComparable(reference, candidate);
  const { width, height, frameCount } = reference;
  const file = await loadParameters();
  const display = present(file.displays[name]);
  const filters = temporalFilters(file.parameters, framesPerSecond);
  const framesOf = (clip: Clip) => rememberedFrames(clip, display, file, present(filters[0]).length);
  const [ofReference, ofCandidate] = [framesOf(reference), framesOf(candidate)];
  const differences: (readonly (readonly number[])[])[] = [];
  for (let frame = 0; frame < frameCount; frame++) {
    const channels = (frames: FramesUpTo) => {
      const until = frames(frame);
      return frameCount === 1 ? present(until[0]) : filterOverTime(until, until.length - 1, filters);
    };
    const frequencies = bandFrequencies(width, height, display.pixelsPerDegree);
    differences.push(frameDifference(channels(ofReference), channels(ofCandidate), frequencies, file));
    await pause?.();
  }
  return { jod: pooledJod(differences, file.parameters), display: name };
}

/** The frames from the last `length` up to one, or from the first. */
type FramesUpTo = (frame: number) => readonly OpponentFrame[];

/** Frames are asked for one after the other; no more than the filter reaches are kept. */
function rememberedFrames(clip: Clip, display: Display, file: ColorVideoVdpFile, length: number): FramesUpTo {
  const kept: OpponentFrame[] = [];
  return (frame) => {
    kept.push(opponentFrame(clip, frame, display, file.rgbToOpponent));
    if (kept.length > length) kept.shift();
    return kept;
  };
}

/** By channel and band, over all pixels. */
function frameDifference(
  reference: Parameters<typeof contrastBands>[0],
  candidate: Parameters<typeof contrastBands>[1],
  frequencies: readonly number[],
  file: ColorVideoVdpFile,
): readonly (readonly number[])[] {
  const bands = contrastBands(reference, candidate, frequencies.length);
  const perBand = bands.map((band, index) => {
    const isBase = index === bands.length - 1;
    const sensitivity = sensitivities(file, isBase ? BASE_FREQUENCY : present(frequencies[index]));
    const difference = isBase
      ? baseDifference(band, sensitivity)
      : visibleDifference(band, sensitivity, file.parameters);
    return difference.map((values) => norm(values, file.parameters.beta, 'mean'));
  });
  return reference.map((_, channel) => perBand.map((channels) => present(channels[channel])));
}

/** Cycles per degree that the base band counts as. */
const BASE_FREQUENCY = 0.1;
