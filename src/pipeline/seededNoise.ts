/**
 * Unit normal noise from a seed: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3")
 * and Box-Muller in float64, rounded once to float32. Counter based: the value at an index depends on seed, stream
 * and index only, so it is the same on every backend and for every length. It is not torch's noise.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import { StudioError } from '../errors/StudioError';

export type PhiloxCounter = readonly [number, number, number, number];
export type PhiloxKey = readonly [number, number];

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const KEY_STEP_0 = 0x9e3779b9; // golden ratio
const KEY_STEP_1 = 0xbb67ae85; // sqrt(3) - 1

/** High 32 bits of the product of two unsigned 32-bit numbers, from 16-bit halves. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const middleLow = (middle & 0xffff) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(middleLow / 0x10000)) >>> 0;
}

/** Ten rounds; unsigned 32-bit words in and out. */
export function philox(counter: PhiloxCounter, key: PhiloxKey): PhiloxCounter {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + KEY_STEP_0) >>> 0;
    k1 = (k1 + KEY_STEP_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** 1 GiB of float32. */
const MOST_NORMALS = 2 ** 28;

/**
 * `length` independent unit normals. Throws `engine/cannot-run` for more than any clip has. `seed` and `stream` are unsigned 32-bit; streams of one seed are independent
 * (stream 0: the first latent; others: noise inside the run, conditioning that no file gives).
 */
export function seededNoise(seed: number, length: number, stream = 0): Float32Array {
  if (!(length <= MOST_NORMALS))
    throw new StudioError(
      'engine/cannot-run',
      `Noise of ${length.toExponential(1)} values was asked for; ${MOST_NORMALS.toExponential(1)} are the most that are made.`,
      { length },
    );
  const noise = new Float32Array(length);
  const key: PhiloxKey = [seed >>> 0, stream >>> 0];
  for (let start = 0; start < length; start += 4) {
    const block = start / 4;
    const words = philox([block >>> 0, Math.floor(block / 0x100000000), 0, 0], key);
    for (let pair = 0; pair < 4; pair += 2) {
      const radius = Math.sqrt(-2 * Math.log(openUnit(words[pair]!)));
      const angle = 2 * Math.PI * openUnit(words[pair + 1]!);
      if (start + pair < length) noise[start + pair] = radius * Math.cos(angle);
      if (start + pair + 1 < length) noise[start + pair + 1] = radius * Math.sin(angle);
    }
  }
  return noise;
}

/** From a 32-bit word to the open interval (0, 1), so that the logarithm is finite. */
function openUnit(word: number): number {
  return (word + 0.5) / 0x100000000;
}
