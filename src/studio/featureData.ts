/** Distances of many clips by a feature model of the person: what is asked for and what is told. Plain data. */
import type { FolderReference } from '../library/Folder';
import type { GridRequest } from './gridData';

/** What black and white are to the model. */
export const featureRanges = ['-1..1', '0..1', '0..255'] as const;
export type FeatureRange = (typeof featureRanges)[number];

export interface FeatureModelReference {
  /** With the weights files that the graph names. */
  readonly folder: FolderReference;
  /** Of the graph in it. */
  readonly path: string;
  readonly range: FeatureRange;
}

export interface FeaturesRequest extends GridRequest {
  readonly model: FeatureModelReference;
}

export interface FeaturesProgress {
  /** Prompts and seeds whose clips were made and looked at. */
  readonly done: number;
  readonly of: number;
}
