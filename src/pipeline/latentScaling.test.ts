import { expect, test } from 'vitest';
import { unscaled } from './frameDecoder';
import { latentScaling } from './latentScaling';

const latent = { channels: 2, frames: 2, height: 1, width: 2 };
const frames = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8); // [frame, channel, pixel]

test('one factor and shift for all', () => {
  const scaling = latentScaling({ scaling_factor: 2, shift_factor: 0.5 }, 'config.json');
  expect([...unscaled(frames, { latent }, scaling)]).toEqual([1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5]);
});

test('a mean and deviation per channel (Wan: no factor; Mochi, LTX: with one)', () => {
  const config = { latents_mean: [10, 20], latents_std: [1, 2] };
  const wan = latentScaling({ ...config, _class_name: 'AutoencoderKLWan' }, 'config.json');
  expect([...unscaled(frames, { latent }, wan)]).toEqual([11, 12, 26, 28, 15, 16, 34, 36]);
  const halved = latentScaling({ ...config, scaling_factor: 2 }, 'config.json');
  expect([...unscaled(frames, { latent }, halved)]).toEqual([10.5, 11, 23, 24, 12.5, 13, 27, 28]);
});

test("a config without the factor has its class's default", () => {
  expect(latentScaling({ _class_name: 'AutoencoderKLCogVideoX' }, 'c').scalingFactor).toBe(1.15258426);
  expect(latentScaling({}, 'c').scalingFactor).toBe(0.18215);
});
