/** A pipeline whose decoder came without its weights: it opens, its clips are latents, and why is said. */
import { describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { memorySource } from '../onnx/memorySource';
import { packModel } from '../onnx/packModel';
import { buildModel } from '../onnx/testing/buildModel';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { openPipeline } from './openPipeline';
import { TEACHER } from './Variant';

const DECODER = 'vae_decoder/model.onnx';

/** The bundled model; its decoder's weights are said to lie in a file that is not there. */
async function withoutWeights() {
  const model = buildModel((b) => {
    const latent = b.input('latent_sample', [16, 8, 8, 8]);
    b.op('Conv', [latent, b.weight('kernel', [3, 8, 9, 9])], { pads: [4, 4, 4, 4] }, { outputs: ['sample'] });
    b.output('sample', [16, 3, 8, 8]);
  });
  const unused = new Map([['unused', memorySource(new Uint8Array())]]);
  const { modelBytes } = await packModel(model, unused, { kind: 'external', location: 'weights.bin' });
  const folder = await nodeFolder('public/models/emoji-t2v');
  return { ...folder, open: async (path: string) => (path === DECODER ? memorySource(modelBytes) : folder.open(path)) };
}

describe('a decoder without its weights', () => {
  it('leaves the rest to be opened and sampled', async () => {
    const pipeline = await openPipeline(await withoutWeights(), nodeRuntime({ threads: 1 }));
    try {
      const { description } = pipeline;
      expect(description.decoder).toBeUndefined();
      expect(pipeline.decoder).toBeUndefined();
      expect(description.decoderLacks).toContain('weights.bin');
      expect(description.notes.some((note) => note.includes('weights.bin'))).toBe(true);
      const settings = { prompt: 'a panda spins on a blue background', seed: 1, steps: 1, guidance: 1 };
      const { clips } = await pipeline.sample({ takes: [{ variant: TEACHER, settings }], previewEvery: 0 });
      expect([clips[0]!.width, clips[0]!.height]).toEqual([8, 8]);
    } finally {
      await pipeline.release();
    }
  });
});
