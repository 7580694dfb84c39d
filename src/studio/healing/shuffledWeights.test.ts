import { expect, test } from 'vitest';
import { shuffledWeights } from './shuffledWeights';

const parameter = (name: string, offset: number, length: number) => ({
  name,
  offset,
  length,
  shape: [length],
  dataType: 'float32' as const,
});
const layout = { parameters: [parameter('a', 0, 1000), parameter('b', 1000, 3)], length: 1003 };
const flat = Float32Array.from({ length: 1003 }, (_, i) => i);

test('each weight keeps its values and loses their order', () => {
  const shuffled = shuffledWeights(flat, layout, 1);
  const sorted = (from: number, to: number) => [...shuffled.subarray(from, to)].sort((a, b) => a - b);
  expect(sorted(0, 1000)).toEqual([...flat.subarray(0, 1000)]);
  expect(sorted(1000, 1003)).toEqual([...flat.subarray(1000)]);
  const mean = 499.5;
  const along = (lag: number) =>
    shuffled.subarray(0, 999).reduce((sum, value, i) => sum + (value - mean) * (shuffled[i + lag]! - mean), 0);
  expect(Math.abs(along(1) / along(0))).toBeLessThan(0.1);
  expect(shuffled.subarray(0, 1000).filter((value, i) => value === i).length).toBeLessThan(10);
});

test('the seed decides', () => {
  expect(shuffledWeights(flat, layout, 1)).toEqual(shuffledWeights(flat, layout, 1));
  expect(shuffledWeights(flat, layout, 2)).not.toEqual(shuffledWeights(flat, layout, 1));
});
