/**
 * Distances of sets of clips by a feature model, while the clips come: their features are kept, they are not. A Frechet
 * distance is refused for few clips; the discrepancy by KID's kernel stands beside it and means something for few.
 */
import type { Clip } from '../metrics/Clip';
import { FEWEST_CLIPS, frechetDistance } from '../metrics/frechetDistance';
import { type Discrepancy, maximumMeanDiscrepancy } from '../metrics/maximumMeanDiscrepancy';
import type { FeatureModel } from './clipFeatures';
import type { ComparedPair } from './compareStudents';

export interface FeatureDistances {
  /** Whose features these are: a number means nothing without it. */
  readonly model: string;
  readonly about: string;
  /** Of each side. */
  readonly clips: number;
  readonly featureLength: number;
  readonly pairs: readonly PairDistances[];
}

export interface PairDistances extends ComparedPair {
  /** FVD where the features are of clips; null with `refused`, a sentence. */
  readonly frechet: number | null;
  readonly refused?: string;
  /** Null under four clips. */
  readonly mmd: Discrepancy | null;
}

export interface FeatureCollector {
  /** The clips of one prompt and seed, in the order of the takes. */
  add(clips: readonly Clip[]): Promise<void>;
  distances(pairs: readonly ComparedPair[]): FeatureDistances;
}

const FEWEST_FOR_MMD = 4;

export function featureCollector(model: FeatureModel): FeatureCollector {
  const byTake: Float64Array[][] = [];
  return {
    async add(clips) {
      for (const [take, clip] of clips.entries()) (byTake[take] ??= []).push(await model.featuresOf(clip));
    },
    distances(pairs) {
      const clips = byTake[0]?.length ?? 0;
      return {
        model: model.name,
        about: model.about,
        clips,
        featureLength: byTake[0]?.[0]?.length ?? 0,
        pairs: pairs.map((pair) => {
          const [ours, theirs] = [byTake[pair.reference] ?? [], byTake[pair.candidate] ?? []];
          const isEnough = clips >= FEWEST_CLIPS;
          return {
            ...pair,
            frechet: isEnough ? frechetDistance(ours, theirs) : null,
            ...(isEnough
              ? {}
              : { refused: `FVD needs at least ${FEWEST_CLIPS} clips of each side; there are ${clips}.` }),
            mmd: clips >= FEWEST_FOR_MMD ? maximumMeanDiscrepancy(ours, theirs) : null,
          };
        }),
      };
    },
  };
}
