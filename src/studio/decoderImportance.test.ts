/** Damages of the decoder's layers: of frames, from the same latents, and of what is off alone. */
import { expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { compareClips } from '../metrics/compareClips';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { decoderUnits, measureDecoderImportance } from './decoderImportance';
import { openPipeline } from './openPipeline';
import { TEACHER, variantOf } from './Variant';

it('is what a whole run of the student shows, and runs the denoiser once a clip', { timeout: 120_000 }, async () => {
  const pipeline = await openPipeline(await nodeFolder('public/models/emoji-t2v'), nodeRuntime());
  try {
    const settings = { ...pipeline.description.defaults, seed: 2, steps: 1 };
    const all = decoderUnits(pipeline);
    expect(all.length).toBeGreaterThan(5);
    expect(all.every(({ id, plan }) => id.startsWith('decoder/') && plan.dropped[0] === id)).toBe(true);
    const [first, last] = [all[0]!, all.at(-1)!];
    const before = pipeline.counters().denoiserRuns;
    const { units, calls } = await measureDecoderImportance(pipeline, [first, last], [settings]);
    expect(pipeline.counters().denoiserRuns - before).toBe(1);
    expect(calls).toBe(1);
    for (const { plan, output } of units) {
      const takes = [TEACHER, variantOf(plan)].map((variant) => ({ variant, settings }));
      const { clips } = await pipeline.sample({ takes, previewEvery: 0 });
      const { meanSquaredError, content, motion } = compareClips(clips[0]!, clips[1]!);
      expect(output.total).toBeGreaterThan(0);
      expect(output.total).toBeCloseTo(meanSquaredError, 8);
      expect(output.content).toBeCloseTo(content.errorContent, 8);
      expect(output.motion).toBeCloseTo(motion.errorMotion, 8);
    }
  } finally {
    await pipeline.release();
  }
});
