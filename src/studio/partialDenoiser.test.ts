/** The bundled teachers in parts: what a unit does, measured from the teacher's features, is what the whole says. */
import { describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { openPipeline } from './openPipeline';
import { openPartialDenoiser, partFor } from './partialDenoiser';
import { groupCalls } from './stateGroups';
import { sweepSegments } from './sweepSegments';
import { openTeacherFeatures } from './teacherFeatures';
import { latentError, outputOn, teacherRun } from './teacherRuns';
import { unitsOf } from './units';
import { variantOf } from './Variant';

describe.each(['emoji-t2v', 'emoji-hy'])('the rest of %s', (name) => {
  it('does with features what the whole does, unit by unit', { timeout: 120_000 }, async () => {
    const pipeline = await openPipeline(await nodeFolder(`public/models/${name}`), nodeRuntime());
    try {
      const { defaults } = pipeline.description;
      const run = await teacherRun(pipeline, { ...defaults, seed: 3, steps: 2 });
      const state = run.states[1]!;
      const alone = [{ run, state }];
      const graphs = pipeline.denoiser.graphsFor(groupCalls(pipeline, alone)[0]!.feeds)!;
      const segments = sweepSegments(pipeline.denoiser.tree, unitsOf(pipeline.denoiser.tree, 'layers'), 40);
      const parts = segments.filter(({ before }) => before > 0);
      expect(parts.length).toBeGreaterThan(1);
      expect(segments.reduce((sum, { units }) => sum + units.length, 0)).toBe(
        unitsOf(pipeline.denoiser.tree, 'layers').length,
      );
      for (const { units, before } of [parts[0]!, parts.at(-1)!]) {
        expect(before).toBeGreaterThan(0);
        const part = partFor(pipeline, graphs, units)!;
        const kept = part.features;
        const teacher = (await openTeacherFeatures(pipeline, graphs, { kept, asked: [] }, 1))!;
        const partial = await openPartialDenoiser(pipeline, graphs, part);
        const features = await teacher.of(alone, kept);
        expect(latentError(pipeline, state.output, features.outputs[0]!).total).toBeLessThan(1e-10);
        for (const unit of [units[0]!, units.at(-1)!]) {
          const [rest] = await partial.outputsOn(unit.plan, alone, features);
          const whole = await outputOn(pipeline, variantOf(unit.plan), run, state);
          const damage = latentError(pipeline, state.output, whole).total;
          expect(latentError(pipeline, whole, rest!).total, unit.id).toBeLessThan(1e-9 + 1e-6 * damage);
        }
        await partial.release();
        await teacher.release();
      }
    } finally {
      await pipeline.release();
    }
  });
});
