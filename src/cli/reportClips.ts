/** Clips as a report holds them: GIFs in data URLs, of those prompts and seeds whose error is the largest. */
import { present } from '../errors/present';
import type { Clip } from '../metrics/Clip';
import { filmstrip, shrinkFor, shrunk } from '../report/clipPictures';
import type { ReportScene } from '../report/ReportContent';
import type { CaseProgress } from '../studio/compareStudents';
import { encodeGif } from './gif';

/** How many prompts and seeds are shown. */
const SCENES = 3;
const FRAMES = 8;

interface Scene {
  readonly prompt: string;
  readonly seed: number;
  readonly clips: readonly Clip[];
  readonly error: number;
}

/** Takes cases as they come, and keeps the worst few. */
export function worstScenes(): {
  add(progress: CaseProgress): void;
  scenes(names: readonly string[], framesPerSecond: number): readonly ReportScene[];
} {
  let kept: readonly Scene[] = [];
  return {
    add({ case: { settings, comparisons }, clips }) {
      const error = Math.max(...comparisons.map(({ meanSquaredError }) => meanSquaredError));
      const scene = { prompt: settings.prompt, seed: settings.seed, clips, error };
      kept = [...kept, scene].sort((a, b) => b.error - a.error).slice(0, SCENES);
    },
    scenes(names, framesPerSecond) {
      const factor = shrinkFor(kept.flatMap(({ clips }) => clips));
      return kept.map(({ prompt, seed, clips }) => ({
        prompt,
        seed,
        clips: clips.map((clip, i) => reportClip(present(names[i]), shrunk(clip, factor), framesPerSecond)),
      }));
    },
  };
}

function reportClip(name: string, clip: Clip, framesPerSecond: number): ReportScene['clips'][number] {
  const { width, height, frameCount } = clip;
  const moving = dataUrl(encodeGif(clip, framesPerSecond, 1));
  const frames = dataUrl(encodeGif(filmstrip(clip, FRAMES), framesPerSecond, 1));
  return { name, moving, frames, width, height, frameCount };
}

const dataUrl = (gif: Uint8Array): string => `data:image/gif;base64,${Buffer.from(gif).toString('base64')}`;
