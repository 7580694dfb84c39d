/** The measured cuts that come with the bundled models do what their descriptions say, next to VDMini's at their cost. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { presetsFor } from '../blocks/presets';
import { nodeFolder } from '../library/nodeFolder';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { openPipeline } from './openPipeline';
import { planCuts } from './planCuts';

const bundled = 'public/models';

const withPresets = readdirSync(bundled).filter((name) =>
  readFileSync(join(bundled, name, 'model_index.json'), 'utf8').includes('"presets"'),
);

/** What is compared with: VDMini's cut; where it has none, the contiguous blocks that a search at that budget found. */
const CONTIGUOUS = {
  name: 'contiguous',
  plan: { dropped: ['transformer_blocks.3.ff', 'transformer_blocks.3.ff_context', 'single_transformer_blocks.0'] },
};

it('every bundled model brings one', () => expect(withPresets).toEqual(['emoji-hy', 'emoji-i2v', 'emoji-t2v']));

describe.each(['emoji-t2v'])('the cuts of %s', (name) => {
  it('harm far less than VDMini’s at no more MACs', { timeout: 120_000 }, async () => {
    const pipeline = await openPipeline(await nodeFolder(join(bundled, name)), nodeRuntime());
    try {
      const { description, denoiser } = pipeline;
      const { prompt, steps, guidance } = description.defaults;
      const given = (description.presets ?? []).map((preset) => ({
        name: preset.id,
        plan: { dropped: preset.dropped },
      }));
      const paper = presetsFor(denoiser.tree).find(({ id }) => id === 'vdmini')!;
      const { baselines } = await planCuts(pipeline, {
        units: [],
        budget: { currency: 'macs', share: 1 },
        settings: [{ prompt, seed: 7, steps, guidance }],
        presets: [...given, { name: 'vdmini', plan: paper.plan }],
        randomPlans: 0,
      });
      const theirs = baselines.find((baseline) => baseline.name === 'vdmini')!;
      for (const { id } of description.presets ?? []) {
        const ours = baselines.find((baseline) => baseline.name === id)!;
        expect(ours.cost.macs).toBeLessThanOrEqual(theirs.cost.macs);
        expect(ours.error.total).toBeLessThan(theirs.error.total / 100);
      }
    } finally {
      await pipeline.release();
    }
  });
});

it('that of emoji-hy saves a tenth of the MACs and harms less than contiguous blocks', {
  timeout: 120_000,
}, async () => {
  const pipeline = await openPipeline(await nodeFolder(join(bundled, 'emoji-hy')), nodeRuntime());
  try {
    const { prompt, steps, guidance } = pipeline.description.defaults;
    const [gentle] = pipeline.description.presets!;
    const { baselines } = await planCuts(pipeline, {
      units: [],
      budget: { currency: 'macs', share: 1 },
      settings: [{ prompt, seed: 7, steps, guidance }],
      presets: [{ name: gentle!.id, plan: { dropped: gentle!.dropped } }, CONTIGUOUS],
      randomPlans: 0,
    });
    const [ours, theirs] = ['gentle', 'contiguous'].map((id) => baselines.find(({ name }) => name === id)!);
    expect(ours!.cost.macs).toBeLessThanOrEqual(0.9);
    expect(ours!.error.total).toBeLessThan(theirs!.error.total);
  } finally {
    await pipeline.release();
  }
});
