/**
 * The clips of prompts and seeds, of the teacher and of every student, seen by a feature model of the person: how far the
 * set of each student's is from the teacher's. The clips are sampled for it and none is kept; it gives way between steps
 * and before each clip that the model looks at.
 */
import { openFolder } from '../library/openFolder';
import { openFeatureModel } from './clipFeatures';
import type { FeaturesProgress, FeaturesRequest } from './featureData';
import { type FeatureDistances, featureCollector } from './featureDistances';
import type { Pipeline } from './Pipeline';
import { takeSampler } from './sampleTakes';
import { TEACHER } from './Variant';

export interface FeaturesOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: FeaturesProgress) => void;
  /** Awaited before every step and every clip that is looked at: resolves when it is the job's turn again. */
  readonly turn?: () => Promise<void>;
  /** Told around the distances themselves: in seconds of algebra nothing else is answered. */
  readonly onBusy?: (busy: boolean) => void;
}

/** Pairs are of the teacher and each variant. Throws as `openFeatureModel`, what sampling throws, and the signal's reason. */
export async function measureFeatures(
  pipeline: Pipeline,
  { variants, settings, model: { folder, path, range } }: FeaturesRequest,
  { signal, onProgress, turn, onBusy }: FeaturesOptions = {},
): Promise<FeatureDistances> {
  const model = await openFeatureModel(await openFolder(folder, signal), path, pipeline.runtime, range);
  try {
    const collector = featureCollector({
      ...model,
      async featuresOf(clip) {
        await turn?.();
        signal?.throwIfAborted();
        return model.featuresOf(clip);
      },
    });
    const sample = takeSampler(pipeline); // of its own: the clips on screen stay kept
    const options = { ...(signal ? { signal } : {}), ...(turn ? { turn } : {}) };
    for (const [index, one] of settings.entries()) {
      const takes = [TEACHER, ...variants].map((variant) => ({ variant, settings: one }));
      await collector.add((await sample({ takes, previewEvery: 0 }, options)).clips);
      onProgress?.({ done: index + 1, of: settings.length });
    }
    onBusy?.(true);
    return collector.distances(variants.map((_, student) => ({ reference: 0, candidate: student + 1 })));
  } finally {
    onBusy?.(false);
    await model.release();
  }
}
