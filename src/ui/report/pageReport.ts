/**
 * A report of what the page shows: the clips on screen, their plans and figures; the shelf, the batch of prompts and
 * seeds, and importance where there are any.
 */

import type { Block } from '../../blocks/block';
import { indexBlocks } from '../../blocks/plan';
import { present } from '../../errors/present';
import type { Clip } from '../../metrics/Clip';
import { type FigureName, worstFirst } from '../../metrics/clipFigures';
import { comparedFigures } from '../../metrics/comparedFigures';
import { summarise } from '../../metrics/summarise';
import { claimSentence } from '../../report/claimSentence';
import { filmstrip, shrinkFor, shrunk } from '../../report/clipPictures';
import { figuresOfClip } from '../../report/comparedRows';
import type {
  Fact,
  ReportClip,
  ReportContent,
  ReportImportance,
  ReportPair,
  ReportShelved,
} from '../../report/ReportContent';
import { renderReport } from '../../report/renderReport';
import { encodeGif } from '../clips/saving/encode';
import { framePainter } from '../clips/saving/picture';
import { askedSize, commandsFor } from '../plan/command';
import { cutName } from '../plan/cut';
import { sameSettings } from '../store/derived';
import { engine } from '../store/engine';
import { rowsOf, useGrid } from '../store/grid';
import { useImportance } from '../store/importance';
import { namedModel } from '../store/modelName';
import { usePerceived } from '../store/perceived';
import { useShelf } from '../store/shelf';
import { type OpenState, read, type ShownComparison } from '../store/state';
import { timesKey, useTimes } from '../store/times';
import { studioVersion } from '../version';

const FRAMES = 8;

/** Null where no two clips are compared. Throws what the engine throws, and where a clip cannot be encoded. */
export async function pageReport(): Promise<string | null> {
  const { comparison, shown, second } = read();
  const open = await namedModel();
  const [teacher, student] = [shown.teacher?.clip, shown.student?.clip];
  if (!open || !comparison || !teacher || !student) return null;
  const { plan, settings, value } = comparison;
  const { goneIds: gone, ...totals } = await engine.summarise({ plan });
  const name = plan.dropped.length === 0 ? 'student' : cutName(open, plan);
  const other = await secondOf(name);
  const first = { name, dropped: plan.dropped, isHealed: (comparison.weights ?? 'original') !== 'original' };
  const measured = usePerceived.getState().measured;
  const jod = measured?.of === comparison ? measured.value.jod : undefined;
  const key = timesKey(read());
  const times = key === null || plan !== read().plan ? undefined : useTimes.getState().measured[key];
  const importance = importanceOf(open);
  return renderReport({
    model: open.description.name,
    fingerprint: open.fingerprint,
    madeAt: new Date().toISOString(),
    version: `VDMini Studio ${studioVersion}`,
    tree: open.tree,
    settings: settingFacts(open, comparison, jod !== undefined),
    machine: machineFacts(),
    students: [{ name, dropped: plan.dropped, gone, totals, ...(times ? { times } : {}) }, ...(other?.students ?? [])],
    pairs: [
      { reference: 'teacher', candidate: name, figures: figuresOfClip(value, jod), worst: [] },
      ...(other?.pairs ?? []),
    ],
    scenes: [
      {
        prompt: settings.prompt,
        seed: settings.seed,
        clips: await reportClips({ teacher, [name]: student, ...(other?.clips ?? {}) }, open),
      },
    ],
    shelf: shelfOf(),
    batch: batchOf(second ? [name, other?.name ?? second.name] : [name]),
    ...(importance ? { importance } : {}),
    commands: commandsFor({
      folder: open.folder,
      settings,
      students: [first, ...(other ? [other.repeated] : [])],
      size: askedSize(open.latentSize, open.description.latent),
    }),
    notes: open.description.notes,
  } satisfies ReportContent);
}

/** Student B where its clip is of the same settings. */
async function secondOf(nameOfFirst: string) {
  const { second, secondComparison, studentsComparison, comparison, shown } = read();
  const clip = shown.second?.clip;
  if (!second || !secondComparison || !clip || !comparison) return null;
  if (!sameSettings(secondComparison.settings, comparison.settings)) return null;
  const name = second.name === nameOfFirst || second.name === 'teacher' ? `${second.name} (B)` : second.name;
  const { plan } = second;
  const { goneIds: gone, ...totals } = await engine.summarise({ plan });
  const pair = (reference: string, { value }: ShownComparison) => ({
    reference,
    candidate: name,
    figures: figuresOfClip(value),
    worst: [],
  });
  return {
    name,
    repeated: { name, dropped: plan.dropped, isHealed: second.weights !== 'original' },
    students: [{ name, dropped: plan.dropped, gone, totals }],
    pairs: [pair('teacher', secondComparison), ...(studentsComparison ? [pair(nameOfFirst, studentsComparison)] : [])],
    clips: { [name]: clip },
  };
}

function shelfOf(): readonly ReportShelved[] {
  return useShelf.getState().students.map(({ id: _id, weights, ...student }) => ({
    ...student,
    isHealed: weights !== 'original',
  }));
}

/** How many takes are listed, the worst first. */
const WORST = 20;

/** What was measured on many prompts and seeds, each student against the teacher. */
function batchOf(names: readonly string[]): readonly ReportPair[] {
  const rows = rowsOf(read(), useGrid.getState());
  if (rows.length === 0) return [];
  return names.map((candidate, student) => {
    const clips = rows.map(({ figures }) => present(figures[student]));
    const figures = comparedFigures
      .filter(({ id }) => id in present(clips[0]))
      .map(({ id, name, unit, of, worse }) => {
        const values = clips.map((clip) => clip[id as FigureName] ?? Number.NaN);
        return { name, unit, of, summary: summarise(values, worse) };
      });
    const worst = worstFirst(clips, 'meanSquaredError')
      .slice(0, WORST)
      .map((place) => {
        const { prompt, seed } = present(rows[place]).settings;
        return { prompt, seed, meanSquaredError: present(clips[place]).meanSquaredError };
      });
    return { reference: 'teacher', candidate: `${candidate}, ${rows.length} takes`, figures, worst };
  });
}

async function reportClips(
  clips: Readonly<Record<string, Clip>>,
  { description }: OpenState,
): Promise<readonly ReportClip[]> {
  const factor = shrinkFor(Object.values(clips));
  return Promise.all(
    Object.entries(clips).map(async ([name, whole]) => {
      const clip = shrunk(whole, factor);
      const encoded = async (picture: Clip) =>
        dataUrl(await encodeGif(painterOf(picture), description.framesPerSecond));
      const { width, height, frameCount } = clip;
      const [moving, frames] = [await encoded(clip), await encoded(filmstrip(clip, FRAMES))];
      return { name, moving, frames, width, height, frameCount };
    }),
  );
}

const painterOf = (clip: Clip) =>
  present(framePainter({ teacher: clip }, { part: 'teacher', scale: 1, gain: 1, caption: () => '' }));

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

function importanceOf({ tree, fingerprint }: OpenState): ReportImportance | null {
  const { importance } = useImportance.getState();
  if (!importance || importance.fingerprint !== fingerprint) return null;
  const blocks = indexBlocks(tree);
  const units = Object.entries(importance.blocks).flatMap(([id, { content, motion }]) => {
    const block: Block | undefined = blocks.get(id)?.block;
    if (!block || content === undefined || motion === undefined) return [];
    return [{ id, content, motion, level: block.level, depth: block.depth }];
  });
  if (units.length === 0) return null;
  return {
    about:
      'Each block switched off alone: mean squared error of the guided output on the states of the teacher’s own sampling, content (the same in every frame) and motion apart.',
    claim: claimSentence(units),
    units,
  };
}

function settingFacts({ description }: OpenState, { settings }: ShownComparison, perceived: boolean): readonly Fact[] {
  const { prompt, seed, steps, guidance, image } = settings;
  return [
    { name: 'prompt', value: prompt },
    { name: 'seed', value: String(seed) },
    { name: 'steps', value: String(steps) },
    { name: 'guidance', value: String(guidance) },
    { name: 'scheduler', value: description.scheduler._class_name },
    ...(image ? [{ name: 'picture', value: image.name ?? image.key }] : []),
    ...(perceived ? [{ name: 'display of ColorVideoVDP', value: 'standard_4k' }] : []),
  ];
}

function machineFacts(): readonly Fact[] {
  const { status } = read();
  return [
    { name: 'browser', value: navigator.userAgent },
    { name: 'processor', value: `${navigator.hardwareConcurrency} threads` },
    ...(status
      ? [
          { name: 'backend', value: status.reason },
          { name: 'threads of the backend', value: String(status.threads) },
        ]
      : []),
    { name: 'studio', value: studioVersion },
  ];
}
