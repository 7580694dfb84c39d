import { expect, test } from 'vitest';
import { gridSettings } from './gridData';

const picture = (key: string) => ({ key, width: 1, height: 1, pixels: new Uint8ClampedArray(4) });

test('every prompt with every picture and seed; without pictures all begin with the one of the settings', () => {
  const base = { prompt: '', seed: 2 ** 32 - 1, steps: 1, guidance: 1, image: picture('own') };
  const told = (pictures?: readonly ReturnType<typeof picture>[]) =>
    gridSettings(base, ['a', 'b', 'a'], 2, pictures).map(({ prompt, seed, image }) => [prompt, image?.key, seed]);
  const last = 2 ** 32 - 1;
  expect(told()).toEqual([
    ['a', 'own', last],
    ['a', 'own', 0],
    ['b', 'own', last],
    ['b', 'own', 0],
  ]);
  expect(told([picture('x'), picture('y')]).slice(0, 4)).toEqual([
    ['a', 'x', last],
    ['a', 'x', 0],
    ['a', 'y', last],
    ['a', 'y', 0],
  ]);
});
