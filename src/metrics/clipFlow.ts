/**
 * The optical flow of a clip, transition by transition. Large frames are measured on a coarser grid of at most
 * 256x256 pixels, with vectors still in pixels of the frame. Remembered per clip object, since a reference is
 * compared with many candidates; a clip must not be changed once it has been measured.
 */
import { present } from '../errors/present';
import type { Clip } from './Clip';
import { lumaFrames } from './luma';
import { type Flow, opticalFlow } from './opticalFlow';
import { pyramid } from './pyramid';

const largestArea = 256 * 256;

const measured = new WeakMap<Clip, readonly Flow[]>();

/** frameCount - 1 flows; entry t is from frame t to t + 1. */
export function clipFlow(clip: Clip): readonly Flow[] {
  const slices = flowInSlices(clip);
  while (!slices.next().done);
  return present(measured.get(clip));
}

/** Measures a clip's flow one transition at a time; `clipFlow` then has it at hand. */
export function* flowInSlices(clip: Clip): Generator<void, void, void> {
  if (measured.has(clip)) return;
  const pyramids = lumaFrames(clip).map(pyramid);
  const small = present(pyramids[0]).findIndex((level) => level.width * level.height <= largestArea);
  const finest = small === -1 ? present(pyramids[0]).length - 1 : small;
  const flows: Flow[] = [];
  for (let t = 0; t + 1 < pyramids.length; t++) {
    yield;
    const [from, to] = [present(pyramids[t]), present(pyramids[t + 1])];
    flows.push(scaled(opticalFlow(from.slice(finest), to.slice(finest)), 2 ** finest));
  }
  measured.set(clip, flows);
}

function scaled(flow: Flow, factor: number): Flow {
  if (factor === 1) return flow;
  return { ...flow, u: flow.u.map((value) => value * factor), v: flow.v.map((value) => value * factor) };
}
