import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createSha256, sha256Hex } from './sha256';

test('FIPS 180-4 examples', () => {
  const of = (text: string) => sha256Hex(new TextEncoder().encode(text));
  expect(of('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(of('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(of('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')).toBe(
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  );
});

test('equals Node at every length around the block, however it is cut', () => {
  const bytes = Uint8Array.from({ length: 400 }, (_, i) => (i * 37) % 256);
  for (let length = 0; length <= 400; length += length < 130 ? 1 : 27) {
    const part = bytes.subarray(0, length);
    const hash = createSha256();
    hash.update(part.subarray(0, Math.floor(length / 3)));
    hash.update(part.subarray(Math.floor(length / 3), Math.floor(length / 2)));
    hash.update(part.subarray(Math.floor(length / 2)));
    expect(hash.digest()).toBe(createHash('sha256').update(part).digest('hex'));
  }
});
