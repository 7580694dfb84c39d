/** Against Pillow: `Image.resize((4, 3), BILINEAR, box=(0.5, 0, 12.5, 9))` of each channel of the same 13x9 picture. */
import { expect, it } from 'vitest';
import { pictureTensor } from './pictureTensor';

const pillow = [
  [110, 126, 111, 128, 117, 124, 118, 127, 116, 118, 117, 121],
  [135, 124, 134, 127, 136, 135, 111, 111, 137, 134, 136, 121],
  [123, 117, 135, 130, 128, 133, 137, 133, 132, 150, 143, 133],
];

function patterned(width: number, height: number) {
  const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) pixels[(y * width + x) * 4 + c] = (x * 37 + y * 53 + c * 101 + x * y * 7) % 256;
  return { width, height, pixels };
}

it('crops around the middle and scales as Pillow does', () => {
  const values = pictureTensor(patterned(13, 9), 4, 3);
  pillow.flat().forEach((expected, i) => expect(Math.abs((values[i]! + 1) * 127.5 - expected)).toBeLessThan(1));
});

it('leaves a picture of the right size as it is, and puts transparency on white', () => {
  const picture = patterned(4, 3);
  picture.pixels[3] = 0;
  const values = pictureTensor(picture, 4, 3);
  expect(values[0]).toBe(1);
  expect(values[1]).toBeCloseTo(picture.pixels[4]! / 127.5 - 1, 6);
});
