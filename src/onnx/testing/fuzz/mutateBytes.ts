/** Damage that knows nothing of the format: what a disk, a network or an editor does to a file. */
import type { Random } from './random';

/** A changed copy of at least one byte. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  switch (random.index(7)) {
    case 0:
      return copy.subarray(0, 1 + random.index(copy.length));
    case 1:
      return splice(copy, random.index(copy.length), 1 + random.index(64), new Uint8Array(0));
    case 2:
      return splice(copy, random.index(copy.length), 0, randomBytes(1 + random.index(16), random));
    case 3:
      return splice(copy, random.index(copy.length), 0, part(copy, 1 + random.index(256), random));
    case 4:
      return splice(copy, random.index(copy.length), 8, part(copy, 8, random));
    default:
      return flip(copy, random);
  }
}

/** A few bits, mostly at the start, where lengths and names are rather than weights. */
function flip(bytes: Uint8Array, random: Random): Uint8Array {
  for (let count = 1 + random.index(4); count > 0; count--) {
    const at = random.index(random.chance(0.5) ? bytes.length : Math.min(bytes.length, 4096));
    bytes[at] = random.chance(0.5) ? bytes[at]! ^ (1 << random.index(8)) : random.pick([0, 1, 0x7f, 0x80, 0xff]);
  }
  return bytes;
}

function part(bytes: Uint8Array, length: number, random: Random): Uint8Array {
  const start = random.index(bytes.length);
  return bytes.slice(start, start + length);
}

const randomBytes = (length: number, random: Random): Uint8Array =>
  Uint8Array.from({ length }, () => random.index(256));

function splice(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  const result = new Uint8Array(
    Math.max(1, Math.min(at, bytes.length) + added.length + Math.max(0, bytes.length - at - removed)),
  );
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(bytes.subarray(at + removed), at + added.length);
  return result;
}
