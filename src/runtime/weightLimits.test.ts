/** Which limit a model passes, and that what fits is not refused. */
import { describe, expect, it } from 'vitest';
import { HEAP_BYTES, heapCapacityBytes, refusalOf, type WeightsNeed } from './weightLimits';

const need = (change: Partial<WeightsNeed> = {}): WeightsNeed => ({
  totalBytes: 6.1e9,
  graphBytes: 5e6,
  largestFileBytes: 6.1e9,
  largestTensor: { name: 'conv.weight', bytes: 60e6 },
  isHalf: false,
  ...change,
});
const device = { maxBufferSize: 2e9, maxStorageBufferBindingSize: 1e9 };

describe('refusalOf', () => {
  it('lets weights beside the graph go to a GPU, however many', () => {
    expect(refusalOf(need({ totalBytes: 50e9, largestFileBytes: 50e9 }), { build: 'jspi', device })).toBeUndefined();
  });

  it.each([
    ['the heap', need(), { build: 'jspi' }, /memory ends at 4\.29 GB.*2\.01 GB/],
    [
      'the heap for half precision',
      need({ totalBytes: 1.2e9, isHalf: true }),
      { build: 'jspi' },
      /half precision.*1\.01 GB/,
    ],
    [
      'the graph file',
      need({ graphBytes: 2.1e9 }),
      { build: 'jspi', device },
      /2\.10 GB of them are in the graph file/,
    ],
    [
      'the adapter’s buffers',
      need({ largestTensor: { name: 'embed.weight', bytes: 1.1e9 } }),
      { build: 'jspi', device },
      /embed\.weight, has 1\.10 GB.*end at 1\.00 GB/,
    ],
    ['no streaming', need(), { build: 'webgpu', device }, /stack switching.*2\.15 GB/],
  ] as const)('names %s', (_, of, limits, words) => {
    expect(refusalOf(of, limits)).toMatch(words);
  });

  it('holds on the CPU what it says it holds', () => {
    expect(refusalOf(need({ totalBytes: heapCapacityBytes }), { build: 'wasm' })).toBeUndefined();
    expect(refusalOf(need({ totalBytes: heapCapacityBytes + 1 }), { build: 'wasm' })).toBeDefined();
    expect(2 * heapCapacityBytes).toBeLessThan(HEAP_BYTES);
  });
});
