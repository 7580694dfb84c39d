/**
 * SHA-256 (FIPS 180-4) that takes bytes as they come: WebCrypto's digest wants them all at once, and is absent on
 * plain http. For files under a few MB of which the bytes are at hand, crypto.subtle is faster.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them

/** First 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const ROUND_CONSTANTS = Int32Array.from(fractionalRoots(64, 1 / 3));
/** ... and of the square roots of the first 8. */
const INITIAL_STATE = fractionalRoots(8, 1 / 2);

const BLOCK_BYTES = 64;

export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** Ends the stream; 64 hex digits. */
  digest(): string;
}

export function createSha256(): Sha256 {
  const state = INITIAL_STATE.slice();
  const block = new Uint8Array(BLOCK_BYTES);
  let blockBytes = 0;
  let totalBytes = 0;
  const update = (bytes: Uint8Array): void => {
    totalBytes += bytes.length;
    let offset = 0;
    if (blockBytes > 0) {
      offset = Math.min(BLOCK_BYTES - blockBytes, bytes.length);
      block.set(bytes.subarray(0, offset), blockBytes);
      blockBytes += offset;
      if (blockBytes < BLOCK_BYTES) return;
      compress(state, block, 0);
      blockBytes = 0;
    }
    for (; offset + BLOCK_BYTES <= bytes.length; offset += BLOCK_BYTES) compress(state, bytes, offset);
    block.set(bytes.subarray(offset));
    blockBytes = bytes.length - offset;
  };
  const digest = (): string => {
    const bits = totalBytes * 8;
    const padding = new Uint8Array((blockBytes < 56 ? 56 : 120) - blockBytes + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(bits / 0x100000000));
    view.setUint32(padding.length - 4, bits >>> 0);
    update(padding);
    return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('');
  };
  return { update, digest };
}

export function sha256Hex(bytes: Uint8Array): string {
  const hash = createSha256();
  hash.update(bytes);
  return hash.digest();
}

/** Of bytes that are at hand, piece after piece: by WebCrypto where the platform lets us, ten times as fast. */
export async function sha256Of(pieces: readonly Uint8Array[]): Promise<string> {
  if (globalThis.crypto?.subtle === undefined) {
    const hash = createSha256();
    for (const piece of pieces) hash.update(piece);
    return hash.digest();
  }
  const whole =
    pieces.length === 1 ? pieces[0]! : new Uint8Array(await new Blob([...pieces] as BlobPart[]).arrayBuffer());
  const digest = await crypto.subtle.digest('SHA-256', whole as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function fractionalRoots(count: number, exponent: number): Uint32Array {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < count; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return Uint32Array.from(primes, (prime) => {
    const root = prime ** exponent;
    return Math.floor((root - Math.floor(root)) * 0x100000000);
  });
}

const schedule = new Int32Array(64);

/** One block, section 6.2.2. */
function compress(state: Uint32Array, bytes: Uint8Array, offset: number): void {
  for (let i = 0; i < 16; i++) {
    const at = offset + 4 * i;
    schedule[i] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
  for (let i = 16; i < 64; i++) {
    const x = schedule[i - 15]!;
    const y = schedule[i - 2]!;
    const sigma0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const sigma1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    schedule[i] = (schedule[i - 16]! + sigma0 + schedule[i - 7]! + sigma1) | 0;
  }
  let a = state[0]! | 0;
  let b = state[1]! | 0;
  let c = state[2]! | 0;
  let d = state[3]! | 0;
  let e = state[4]! | 0;
  let f = state[5]! | 0;
  let g = state[6]! | 0;
  let h = state[7]! | 0;
  for (let i = 0; i < 64; i++) {
    const sum1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const first = (h + sum1 + ((e & f) ^ (~e & g)) + ROUND_CONSTANTS[i]! + schedule[i]!) | 0;
    const sum0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const second = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}
