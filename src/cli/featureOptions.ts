/** `--features`: a model of the person by whose features sets of clips are compared. */
import { basename, dirname } from 'node:path';
import { StudioError } from '../errors/StudioError';
import { nodeFolder } from '../library/nodeFolder';
import type { Runtime } from '../runtime/Runtime';
import { type FeatureModel, openFeatureModel } from '../studio/clipFeatures';
import { type FeatureRange, featureRanges } from '../studio/featureData';

export const featureOptions = { features: { type: 'string' }, 'feature-range': { type: 'string' } } as const;

export const featureHelp = `  --features FILE     an ONNX model of clips, [clips, frames, 3, rows, columns] (or colours first or last) to "features":
                      FVD by its features from 256 clips of each side on, and MMD with KID's kernel from 4 on
  --feature-range R   what black and white are to that model: ${featureRanges.join(', ')} (default: the first)`;

interface FeatureChoice {
  readonly path: string;
  readonly range: FeatureRange;
}

interface FeatureValues {
  readonly features?: string;
  readonly 'feature-range'?: string;
}

/** Throws `cli/usage`. */
export function readFeatureOptions(values: FeatureValues): FeatureChoice | undefined {
  const given = values['feature-range'] ?? featureRanges[0];
  const range = featureRanges.find((known) => known === given);
  if (!range)
    throw new StudioError('cli/usage', `--feature-range is one of ${featureRanges.join(', ')}, not "${given}".`);
  return values.features === undefined ? undefined : { path: values.features, range };
}

/** The caller releases it. Throws as `openFeatureModel`, and `library/missing-file`. */
export async function openFeatures({ path, range }: FeatureChoice, runtime: Runtime): Promise<FeatureModel> {
  return openFeatureModel(await nodeFolder(dirname(path)), basename(path), runtime, range);
}
