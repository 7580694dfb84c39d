/**
 * Prompts and seeds as a batch in the background: what is asked for, how far it is, and the figures of every clip that
 * was measured. Results belong to a model, a student and settings; they are kept over reloads, and a start measures
 * what is missing. Clips are not kept: opened, a take is sampled again and is the same.
 */

import { create } from 'zustand';
import { present } from '../../errors/present';
import type { ClipFigures } from '../../metrics/clipFigures';
import { gridCsv } from '../../metrics/gridCsv';
import { openSize } from '../../pipeline/openSize';
import { type GenerateSettings, gridSettings, type Picture, type Variant, variantKey } from '../../worker/protocol';
import { csvHeader, fileStem, provenanceOf } from '../plan/provenance';
import { engine, isAbort, showNotice, showProblem } from './engine';
import { download } from './exporting';
import { type GridResult, resultName, storedResults, storeResults } from './gridStorage';
import { studentVariant } from './healed';
import { modelToKeep } from './modelName';
import { ownPictures } from './pictures';
import { isSameModel } from './sameModel';
import { commitSettings, generateNow } from './settings';
import { read, type StudioState, useStudio } from './state';

export interface GridState {
  /** One a line; null until typed: the wanted prompt and a few of the model's. */
  readonly prompts: string | null;
  readonly seedCount: number;
  /** That clips begin with, for a model that takes one; none: all with the picture of the settings. */
  readonly pictures: readonly Picture[];
  readonly running: {
    readonly done: number;
    readonly of: number;
    readonly paused: boolean;
    readonly startedMs: number;
  } | null;
  readonly results: ReadonlyMap<string, ClipFigures>;
}

export const useGrid = create<GridState>()(() => ({
  prompts: null,
  seedCount: 2,
  pictures: [],
  running: null,
  results: new Map(),
}));

const readGrid = useGrid.getState;
const writeGrid = useGrid.setState;
let controller: AbortController | null = null;

export const mostSeeds = 64;
const mostPrompts = 200;

/** From now on: what was kept is known, and a run ends with its model. */
export function followGrid(): void {
  writeGrid({ results: new Map(storedResults().map(({ name, figures }) => [name, figures])) });
  useStudio.subscribe((state, before) => {
    if (state.open?.id !== before.open?.id) stopGrid();
    if (!isSameModel(state.open, before.open)) writeGrid({ prompts: null, pictures: [] });
  });
}

export const setGridPrompts = (prompts: string): void => writeGrid({ prompts });
export const setSeedCount = (seedCount: number): void => writeGrid({ seedCount });

/** Takes begin with each of the model's own pictures, or with that of the settings alone. */
export async function setAllPictures(all: boolean): Promise<void> {
  const { open } = read();
  const input = open?.description.image;
  const pictures = all && open && input ? await ownPictures(input, open.folder) : [];
  if (read().open?.id === open?.id) writeGrid({ pictures });
}

/** What the takes are made of: a change of anything else is none of theirs. */
export type GridAsked = Pick<StudioState, 'open' | 'settings' | 'plan' | 'weights' | 'second'>;

/** What stands in the field before anything is typed. */
export function promptsShown(state: GridAsked, prompts: string | null): string {
  if (prompts !== null || !state.open) return prompts ?? '';
  const examples = state.open.description.examplePrompts.filter((prompt) => prompt !== state.settings.prompt);
  return [state.settings.prompt, ...examples.slice(0, 3)].join('\n');
}

/** The takes that are asked for: every prompt and picture with seeds from the wanted one on. */
export function takesOf(
  state: GridAsked,
  { prompts, seedCount, pictures }: Pick<GridState, 'prompts' | 'seedCount' | 'pictures'>,
) {
  const lines = promptsShown(state, prompts)
    .split('\n')
    .map((line) => line.trim());
  const given = lines.filter((line) => line !== '').slice(0, mostPrompts);
  return gridSettings(state.settings, given.length > 0 ? given : [''], seedCount, pictures);
}

export interface GridRow {
  readonly settings: GenerateSettings;
  /** In the order of the students. */
  readonly figures: readonly ClipFigures[];
}

/** The students that are compared: the one that is edited, and the one beside it. */
export function gridVariants(state: GridAsked): readonly Variant[] {
  return (state.second ? [state, state.second] : [state]).map(studentVariant);
}

/** What is measured of what is asked for. */
export function rowsOf(state: GridAsked, grid: GridState): readonly GridRow[] {
  const name = state.open?.fingerprint ?? null;
  if (name === null) return []; // nothing was measured of a model without a name
  const variants = gridVariants(state).map(variantKey);
  const size = state.open ? openSize(state.open.description) : undefined;
  return takesOf(state, grid).flatMap((settings) => {
    const figures = variants.map((variant) => grid.results.get(resultName(name, variant, settings, size)));
    return figures.every((one) => one !== undefined) ? [{ settings, figures: figures as ClipFigures[] }] : [];
  });
}

/** Measures what is missing. */
export async function startGrid(): Promise<void> {
  const open = await modelToKeep('generate');
  const state = read();
  if (!open || open.cannotRun !== undefined) return;
  stopGrid();
  const own = new AbortController();
  controller = own;
  const size = openSize(open.description);
  const variants = gridVariants(state);
  const known = new Set(rowsOf(state, readGrid()).map(({ settings }) => resultName('', '', settings)));
  const settings = takesOf(state, readGrid()).filter((one) => !known.has(resultName('', '', one)));
  writeGrid({ running: { done: 0, of: settings.length, paused: false, startedMs: performance.now() } });
  try {
    await engine.grid(
      { variants, settings },
      {
        signal: own.signal,
        onProgress: ({ done, of, cell }) => {
          if (controller !== own) return;
          const named = cell.figures.map((figures, i) => ({
            name: resultName(open.fingerprint, variantKey(present(variants[i])), present(settings[cell.index]), size),
            figures,
          }));
          addResults(named);
          writeGrid(({ running }) => ({ running: running && { ...running, done, of } }));
        },
      },
    );
  } catch (thrown) {
    if (controller === own && !isAbort(thrown)) showProblem(thrown, 'generate');
  } finally {
    if (controller === own) {
      controller = null;
      writeGrid({ running: null });
    }
  }
}

let warned = false;

function addResults(added: readonly GridResult[]): void {
  const results = new Map(readGrid().results);
  for (const { name, figures } of added) {
    results.delete(name); // the latest last: the oldest go first
    results.set(name, figures);
  }
  writeGrid({ results });
  const kept = storeResults([...results].map(([name, figures]) => ({ name, figures })));
  if (!kept && !warned) showNotice('This browser has no room to keep the batch’s results: they end with this visit.');
  warned ||= !kept;
}

export function pauseGrid(paused: boolean): void {
  engine.pauseBackground(paused);
  writeGrid(({ running }) => ({ running: running && { ...running, paused } }));
}

/** What was measured stays, and the next start goes on from it. */
export function stopGrid(): void {
  if (!controller) return;
  controller.abort();
  controller = null;
  if (readGrid().running?.paused) engine.pauseBackground(false); // the lane is others' too
  writeGrid({ running: null });
}

/** Shows a take of the batch in the viewer: its clips are made again. */
export function openTake({ prompt, seed, image }: GenerateSettings): void {
  commitSettings({ prompt, seed, ...(image ? { image } : {}) });
  if (read().rerun === 'on-demand') generateNow();
}

/** The rows as CSV, with where they came from. `notes`: further lines of its head, by the names of the students. */
export async function saveGridCsv(
  rows: readonly GridRow[],
  notes: (students: readonly string[]) => readonly string[],
): Promise<void> {
  const { plan, settings, weights, second } = read();
  const open = await modelToKeep('keep');
  if (!open) return;
  const names = second ? ['A', `B: ${second.name}`] : ['student'];
  const header = csvHeader(provenanceOf(open, plan, settings));
  const more = [
    `# weights,${weights}`,
    ...(second ? [`# dropped_b,"${second.plan.dropped.join(' ')}"`] : []),
    ...notes(names),
  ];
  const text = `${header}${more.join('\n')}\n${gridCsv(
    rows.map(({ settings: { prompt, seed, image }, figures }) => ({
      ...{ prompt, seed, figures },
      ...(readGrid().pictures.length > 0 ? { picture: image?.name ?? image?.key ?? '' } : {}),
    })),
    { column: 'student', names },
  )}`;
  download(`${fileStem(open, plan, settings, 'grid')}.csv`, new Blob([text], { type: 'text/csv' }));
}
