/** A report of what the page shows: the clips on screen, their plan and figures, importance where it was measured. */
import type { Block } from '../../blocks/block';
import { indexBlocks, type Plan } from '../../blocks/plan';
import type { Clip } from '../../metrics/Clip';
import { claimSentence } from '../../report/claimSentence';
import { filmstrip, shrinkFor, shrunk } from '../../report/clipPictures';
import { figuresOfClip } from '../../report/comparedRows';
import type { Fact, ReportClip, ReportContent, ReportImportance } from '../../report/ReportContent';
import { renderReport } from '../../report/renderReport';
import { encodeGif } from '../clips/saving/encode';
import { framePainter } from '../clips/saving/picture';
import { commandFor } from '../plan/command';
import { cutName } from '../plan/cut';
import { engine } from '../store/engine';
import { useImportance } from '../store/importance';
import { usePerceived } from '../store/perceived';
import { type OpenState, read, type ShownComparison } from '../store/state';
import { timesKey, useTimes } from '../store/times';
import { studioVersion } from '../version';

const FRAMES = 8;

/** Null where no two clips are compared. Throws what the engine throws, and where a clip cannot be encoded. */
export async function pageReport(): Promise<string | null> {
  const { open, comparison, shown } = read();
  const [teacher, student] = [shown.teacher?.clip, shown.student?.clip];
  if (!open || !comparison || !teacher || !student) return null;
  const { plan, settings, value } = comparison;
  const { goneIds: gone, ...totals } = await engine.summarise({ plan });
  const name = plan.dropped.length === 0 ? 'student' : cutName(open, plan);
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
    students: [{ name, dropped: plan.dropped, gone, totals, ...(times ? { times } : {}) }],
    pairs: [{ reference: 'teacher', candidate: name, figures: figuresOfClip(value, jod), worst: [] }],
    scenes: [
      { prompt: settings.prompt, seed: settings.seed, clips: await reportClips({ teacher, [name]: student }, open) },
    ],
    ...(importance ? { importance } : {}),
    commands: commandsFor(open, plan, comparison),
    notes: open.description.notes,
  } satisfies ReportContent);
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
  framePainter({ teacher: clip }, { part: 'teacher', scale: 1, gain: 1, caption: () => '' })!;

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
    ...(image ? [{ name: 'picture', value: image.key }] : []),
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

function commandsFor({ folder }: OpenState, { dropped }: Plan, { settings }: ShownComparison): readonly string[] {
  const line = commandFor({ folder, settings, dropped });
  return [
    line,
    line.replace(/ -- (compare|generate) /, ' -- report ').replace(/ --json$| --out clip\.gif$/, ' --out report.html'),
  ];
}
