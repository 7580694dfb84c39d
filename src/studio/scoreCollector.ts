/** VBench's formulas over many clips: the scores of each side while the clips come, and their statistics. */
import type { Clip } from '../metrics/Clip';
import { type Summary, summarise } from '../metrics/summarise';
import { type ScoreModels, type VideoScores, videoScores } from '../metrics/vbench/videoScores';

export interface ScoredSides {
  /** What they looked with. */
  readonly by: VideoScores['by'];
  /** In the order of the takes: the teacher, then the students. */
  readonly sides: readonly SideScores[];
}

export type ScoreName = Exclude<keyof VideoScores, 'by' | 'dynamicDegree'>;

export interface SideScores {
  /** Null where no clip has the score. */
  readonly scores: Readonly<Record<ScoreName, Summary | null>>;
  /** Share of the clips that are dynamic: VBench's dynamic degree of a set. */
  readonly dynamicDegree: number;
}

export const scoreNames: readonly ScoreName[] = [
  'temporalFlickering',
  'motionSmoothness',
  'motionMagnitude',
  'warpingError',
  'frameConsistency',
];

export interface ScoreCollector {
  add(clips: readonly Clip[]): Promise<void>;
  /** Undefined before the first clip. */
  scored(): ScoredSides | undefined;
}

export function scoreCollector(framesPerSecond: number, models: ScoreModels): ScoreCollector {
  const bySide: VideoScores[][] = [];
  return {
    async add(clips) {
      for (const [side, clip] of clips.entries())
        (bySide[side] ??= []).push(await videoScores(clip, framesPerSecond, models));
    },
    scored() {
      const by = bySide[0]?.[0]?.by;
      if (!by) return undefined;
      return { by, sides: bySide.map(sideScores) };
    },
  };
}

function sideScores(clips: readonly VideoScores[]): SideScores {
  const of = (name: ScoreName) =>
    summarise(
      clips.map((clip) => clip[name] ?? Number.NaN),
      name === 'warpingError' ? 'higher' : 'lower',
    );
  return {
    scores: Object.fromEntries(scoreNames.map((name) => [name, of(name)])) as SideScores['scores'],
    dynamicDegree: clips.filter(({ dynamicDegree }) => dynamicDegree).length / clips.length,
  };
}
