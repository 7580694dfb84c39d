/**
 * Sets of clips by a feature model that the person gives: which one, how far it is, and what it found. A finding counts
 * for its takes, students, model and range, and is shown with them alone. The model is read where it is, is opened by
 * each measuring, and ends with the visit.
 */
import { create } from 'zustand';
import { present } from '../../errors/present';
import type { FolderReference } from '../../library/Folder';
import { openSize } from '../../pipeline/openSize';
import { type FeatureDistances, type FeatureModelReference, featureRanges, variantKey } from '../../worker/protocol';
import { despiteLosses, engine, isAbort, showProblem } from './engine';
import { type GridAsked, type GridState, gridVariants, takesOf, useGrid } from './grid';
import { resultName } from './gridStorage';
import { modelToKeep } from './modelName';
import { read } from './state';

interface FeaturesState {
  readonly model: FeatureModelReference | null;
  readonly running: { readonly done: number; readonly of: number } | null;
  readonly measured: {
    readonly model: FeatureModelReference;
    /** Of its takes: see `takesName`. */
    readonly of: string;
    readonly distances: FeatureDistances;
  } | null;
}

export const useFeatures = create<FeaturesState>()(() => ({ model: null, running: null, measured: null }));

const writeFeatures = useFeatures.setState;
let controller: AbortController | null = null;

/** Picked files: a graph with its weights files. What it is shows when it is opened, with the first measuring. */
export function giveFeatureModel(folder: FolderReference): void {
  stopFeatures();
  const range = useFeatures.getState().model?.range ?? featureRanges[0];
  writeFeatures({ model: { folder, path: folder.name, range } });
}

export function setFeatureRange(range: FeatureModelReference['range']): void {
  writeFeatures(({ model }) => ({ model: model && { ...model, range } }));
}

type Takes = Pick<GridState, 'prompts' | 'seedCount' | 'pictures'>;

/** Equal for equal clips of equal students. */
function takesName(state: GridAsked, takes: Takes): string {
  const students = gridVariants(state).map(variantKey).join(' | ');
  const fingerprint = state.open?.fingerprint ?? '';
  const size = state.open ? openSize(state.open.description) : undefined;
  return takesOf(state, takes)
    .map((settings) => resultName(fingerprint, students, settings, size))
    .join('\n');
}

/** What was found of the takes that are asked for now, by the model that is chosen now. */
export function shownDistances(
  state: GridAsked,
  takes: Takes,
  { model, measured }: Pick<FeaturesState, 'model' | 'measured'>,
): FeatureDistances | null {
  if (!state.open || !model || !measured) return null;
  return measured.model === model && measured.of === takesName(state, takes) ? measured.distances : null;
}

/** Makes the clips that are asked for and compares their sets. */
export async function measureFeatures(): Promise<void> {
  // named: what is found counts for the model's name
  const open = await modelToKeep('features');
  const state = read();
  const { model } = useFeatures.getState();
  if (!open || !model || !state.open || state.open.cannotRun !== undefined) return;
  stopFeatures();
  const own = new AbortController();
  controller = own;
  const of = takesName(state, useGrid.getState());
  const request = { model, variants: gridVariants(state), settings: takesOf(state, useGrid.getState()) };
  writeFeatures({ running: { done: 0, of: request.settings.length } });
  try {
    const distances = await despiteLosses(() =>
      engine.features(request, {
        signal: own.signal,
        onProgress: (running) => controller === own && writeFeatures({ running }),
      }),
    );
    if (controller === own) writeFeatures({ measured: { model, of, distances } });
  } catch (thrown) {
    if (controller === own && !isAbort(thrown)) showProblem(thrown, 'features');
  } finally {
    if (controller === own) {
      controller = null;
      writeFeatures({ running: null });
    }
  }
}

export function stopFeatures(): void {
  controller?.abort();
  controller = null;
  writeFeatures({ running: null });
}

/** Lines for the head of the batch's CSV; none where nothing was found of its takes. `names`: of the students. */
export function featureLines(distances: FeatureDistances | null, names: readonly string[]): readonly string[] {
  if (!distances) return [];
  const { model, about, clips, featureLength, pairs } = distances;
  const quoted = (text: string) => `"${text.replaceAll('"', '""').replace(/[\r\n]+/g, ' ')}"`;
  return [
    `# features,${quoted(model)},${quoted(about)},${featureLength} features,${clips} clips of each side`,
    ...pairs.flatMap(({ candidate, frechet, refused = '', mmd }) => {
      const name = quoted(present(names[candidate - 1]));
      const subsets = mmd && [mmd.subsets.mean, mmd.subsets.standardDeviation, mmd.subsets.count, mmd.subsets.size];
      return [
        `# fvd of ${name},${frechet ?? quoted(refused)}`,
        `# mmd of ${name} (all; mean, deviation, count and size of subsets),${mmd ? [mmd.value, ...present(subsets)].join(',') : ''}`,
      ];
    }),
  ];
}
