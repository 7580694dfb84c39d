import { expect, test } from 'vitest';
import type { PlainTensor } from '../runtime/Runtime';
import { decoderFeeds, frameDecoder } from './frameDecoder';
import type { PipelineDescription } from './PipelineDescription';
import { bareModel } from './testing/graphs';

const description = {
  latent: { channels: 1, frames: 2, height: 1, width: 1 },
  latentLayout: 'BCFHW',
  decoder: { modelPath: 'vae_decoder/model.onnx', scalingFactor: 1, shiftFactor: 0 },
} as unknown as PipelineDescription;

test.each(['temb', 'timestep'])('a decoder that is told a noise level is told 0: %s', async (name) => {
  const model = bareModel({ z: [1, 1, 2, 1, 1], [name]: ['batch'] }, { sample: [1, 3, 2, 1, 1] });
  const told: Readonly<Record<string, PlainTensor>>[] = [];
  const decode = frameDecoder(description, model, async (feeds) => {
    told.push(feeds as Readonly<Record<string, PlainTensor>>);
    return { sample: { dataType: 'float32', dims: [1, 3, 2, 1, 1], data: new Float32Array(6) } };
  });
  await decode(new Float32Array(2));
  for (const feeds of [...told, decoderFeeds(model, description, 1)]) {
    expect(Object.keys(feeds).sort()).toEqual([name, 'z'].sort());
    expect(feeds[name]).toMatchObject({ dims: [1], data: new Float32Array(1) });
  }
});
