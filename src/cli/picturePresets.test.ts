/** The measured cut of the model that begins with a picture does what its description says, on pictures that no search saw. */
import { expect, it } from 'vitest';
import { presetNamed } from '../blocks/presets';
import { planCuts } from '../studio/planCuts';
import { givenPictures } from './givenPictures';
import { openPipelineOnDisk } from './openPipelineOnDisk';

const UNSEEN = ['rocket', 'sunflower'].map((name) => `public/models/emoji-i2v/pictures/${name}.png`);

it('emoji-i2v’s harms far less than VDMini’s at no more MACs', { timeout: 120_000 }, async () => {
  const pipeline = await openPipelineOnDisk('public/models/emoji-i2v', new AbortController().signal);
  try {
    const { description, denoiser } = pipeline;
    const { prompt, steps, guidance } = description.defaults;
    const pictures = await givenPictures(UNSEEN, pipeline);
    const [gentle] = description.presets!;
    const { baselines } = await planCuts(pipeline, {
      units: [],
      budget: { currency: 'macs', share: 1 },
      settings: pictures.map((image) => ({ prompt, seed: 7, steps, guidance, image })),
      presets: [
        { name: gentle!.id, plan: { dropped: gentle!.dropped } },
        { name: 'vdmini', plan: presetNamed(denoiser.tree, 'vdmini').plan },
      ],
      randomPlans: 0,
    });
    const [ours, theirs] = ['gentle', 'vdmini'].map((id) => baselines.find(({ name }) => name === id)!);
    expect(ours!.cost.macs).toBeLessThanOrEqual(theirs!.cost.macs);
    expect(ours!.error.total).toBeLessThan(theirs!.error.total / 3);
  } finally {
    await pipeline.release();
  }
});
