/** One clock for both clips: play, pause, loop, frame steps, speed. The frame number is the only thing that moves. */
import { frameCount } from './derived';
import { type Player, read, write } from './state';

export const speeds = [0.25, 0.5, 1, 2] as const;

let handle = 0;
let lastTimeMs = 0;
/** Time since the current frame came on screen, in frames. */
let fraction = 0;

function change(player: Partial<Player>): void {
  write((state) => ({ player: { ...state.player, ...player } }));
}

function tick(timeMs: number): void {
  const state = read();
  if (!state.player.playing) return;
  handle = requestAnimationFrame(tick);
  const frames = frameCount(state);
  const framesPerSecond = (state.open?.description.framesPerSecond ?? 8) * state.player.speed;
  fraction += (Math.min(250, timeMs - lastTimeMs) / 1000) * framesPerSecond;
  lastTimeMs = timeMs;
  if (frames === 0 || fraction < 1) return;
  const next = state.player.frame + Math.floor(fraction);
  fraction %= 1;
  if (next >= frames && !state.player.loop) {
    change({ frame: frames - 1, playing: false });
    return;
  }
  change({ frame: next % frames });
}

export function play(): void {
  const { player } = read();
  const atEnd = !player.loop && player.frame >= frameCount(read()) - 1;
  change({ playing: true, frame: atEnd ? 0 : player.frame });
  cancelAnimationFrame(handle);
  lastTimeMs = performance.now();
  fraction = 0;
  handle = requestAnimationFrame(tick);
}

export function pause(): void {
  cancelAnimationFrame(handle);
  change({ playing: false });
}

export const togglePlay = (): void => (read().player.playing ? pause() : play());

/** Shows one frame; playing goes on from there. */
export function seek(frame: number): void {
  const last = Math.max(0, frameCount(read()) - 1);
  fraction = 0;
  change({ frame: Math.min(last, Math.max(0, Math.round(frame))) });
}

/** Steps by whole frames around the clip and pauses. */
export function stepFrames(by: number): void {
  const frames = frameCount(read());
  if (frames === 0) return;
  pause();
  change({ frame: (read().player.frame + by + frames) % frames });
}

export const setLoop = (loop: boolean): void => change({ loop });
export const setSpeed = (speed: number): void => change({ speed });
export const setView = (view: Player['view']): void => change({ view });
export const setPair = (pair: Player['pair']): void => change({ pair });
export const setSplit = (split: number): void => change({ split: Math.min(1, Math.max(0, split)) });
export const setZoom = (zoom: number): void => change({ zoom });
export const setDifferenceGain = (differenceGain: number): void => change({ differenceGain });
