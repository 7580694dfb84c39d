/**
 * What a sweep over all layers takes next to running each student to the end: N warm runs of the teacher, decoded. Counted
 * in calls of the denoiser too, where parts of it count as their share of the MACs.
 */
import { openPipelineOnDisk } from '../../cli/openPipelineOnDisk';
import { measureImportance } from '../../studio/importance';
import type { Pipeline } from '../../studio/Pipeline';
import { unitsOf } from '../../studio/units';
import { TEACHER } from '../../studio/Variant';
import { type Comparison, median, timeMs } from '../interleaved';

let seed = 100;

/** `model`: a pipeline folder. Throws what opening and running throw. */
export async function sweep(model: string): Promise<Comparison[]> {
  const pipeline = await openPipelineOnDisk(model, new AbortController().signal);
  try {
    const settings = { ...pipeline.description.defaults, seed: 1 };
    const units = unitsOf(pipeline.denoiser.tree, 'layers');
    const results: Comparison[] = [];
    for (const final of [false, true]) {
      const runsMs = [await teacherRunMs(pipeline), await teacherRunMs(pipeline), await teacherRunMs(pipeline)];
      let calls = 0;
      const sweepMs = await timeMs(async () => {
        ({ calls } = await measureImportance(pipeline, units, [settings], { final }));
      });
      for (let i = 0; i < 3; i++) runsMs.push(await teacherRunMs(pipeline));
      const runMs = median(runsMs.slice(1)); // the first of all makes caches
      results.push({
        name: `sweep of ${units.length} layers${final ? ', final latents too' : ''} / as many warm runs of the teacher`,
        first: { what: 'the sweep, its sessions included', median: sweepMs, unit: 'ms' },
        second: { what: `${units.length} x ${runMs.toFixed(0)} ms`, median: units.length * runMs, unit: 'ms' },
        n: 1,
        note: `${calls.toFixed(0)} calls of the denoiser, against ${units.length * settings.steps} and as many decodings as units`,
      });
    }
    return results;
  } finally {
    await pipeline.release();
  }
}

/** Of a seed that was not sampled before: finished clips are kept. */
function teacherRunMs(pipeline: Pipeline): Promise<number> {
  seed++;
  const settings = { ...pipeline.description.defaults, seed };
  return timeMs(() => pipeline.sample({ takes: [{ variant: TEACHER, settings }], previewEvery: 0 }));
}
