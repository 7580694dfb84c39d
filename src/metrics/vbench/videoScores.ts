/**
 * A clip's own scores by VBench's formulas, with nothing to compare it with. Three of them look with models that VBench
 * names; here with what is at hand, or with a model that the person gives, and `by` says with which.
 */
import { present } from '../../errors/present';
import type { Clip } from '../Clip';
import { flickerPerTransition, flickerScore } from '../flicker';
import { lumaFrames } from '../luma';
import { motionMagnitudePerTransition } from '../motionMagnitude';
import { type Flow, opticalFlow } from '../opticalFlow';
import { pyramid } from '../pyramid';
import { resizedClip } from '../resizedClip';
import { warpingError } from '../warpingError';
import { dynamicDegree, framesLookedAt } from './dynamicDegree';
import { frameConsistency } from './frameConsistency';
import { type Midpoint, motionSmoothness, warpedMidpoint } from './motionSmoothness';

/** Models of the person, each by its name. */
export interface ScoreModels {
  /** Features of each frame: DINO's for subject, CLIP's for background consistency. */
  readonly features?: { readonly name: string; rowsOf(clip: Clip): Promise<readonly ArrayLike<number>[]> };
  /** Flow from a frame to another, in pixels. */
  readonly flow?: { readonly name: string; between(clip: Clip, from: number, to: number): Promise<Flow> };
  /** The frame between two. */
  readonly midpoint?: { readonly name: string; readonly of: Midpoint };
}

export interface VideoScores {
  readonly temporalFlickering: number;
  readonly motionSmoothness: number;
  readonly dynamicDegree: boolean;
  /** Pixels at 256 lines, mean over the pairs that dynamic degree looks at. */
  readonly motionMagnitude: number;
  /** Squared 8-bit levels; null where everything is hidden. */
  readonly warpingError: number | null;
  /** Only with a model of features. */
  readonly frameConsistency?: number;
  /** What motion smoothness, dynamic degree and frame consistency looked with. */
  readonly by: { readonly midpoint: string; readonly flow: string; readonly features?: string };
}

/** Own flows are measured on frames of at most so many pixels. */
const LARGEST_AREA = 256 * 256;
export const OWN_FLOW = 'pyramidal Lucas-Kanade (a proxy)';
export const OWN_MIDPOINT = 'halfway along the optical flow (a proxy)';

/** `pause` is awaited between slices of about a frame, and ends the work by throwing. Throws what the models throw. */
export async function videoScores(
  clip: Clip,
  framesPerSecond: number,
  { features, flow, midpoint }: ScoreModels = {},
  pause = async () => {},
): Promise<VideoScores> {
  const small = reduced(clip);
  const looked = framesLookedAt(clip.frameCount, framesPerSecond);
  const planes = flow ? [] : lumaFrames(small).map(pyramid);
  const flows: Flow[] = [];
  for (let i = 0; i + 1 < looked.length; i++) {
    await pause();
    const [from, to] = [present(looked[i]), present(looked[i + 1])];
    flows.push(flow ? await flow.between(clip, from, to) : opticalFlow(present(planes[from]), present(planes[to])));
  }
  const [seen, foretell] = midpoint ? [clip, midpoint.of] : [small, warpedMidpoint(small)];
  const foretold: Midpoint = async (of, t) => {
    await pause();
    return foretell(of, t);
  };
  const magnitudes = motionMagnitudePerTransition(flow ? clip : small, flows);
  return {
    temporalFlickering: flickerScore(flickerPerTransition(clip)),
    motionSmoothness: await motionSmoothness(seen, foretold),
    dynamicDegree: dynamicDegree(magnitudes, looked.length, framesPerSecond),
    motionMagnitude: magnitudes.reduce((sum, value) => sum + value, 0) / Math.max(1, magnitudes.length),
    warpingError: await warpingError(small, pause),
    ...(features ? { frameConsistency: frameConsistency(await features.rowsOf(clip)) } : {}),
    by: {
      midpoint: midpoint?.name ?? OWN_MIDPOINT,
      flow: flow?.name ?? OWN_FLOW,
      ...(features ? { features: features.name } : {}),
    },
  };
}

function reduced(clip: Clip): Clip {
  const factor = Math.sqrt(LARGEST_AREA / (clip.width * clip.height));
  if (factor >= 1) return clip;
  const size = (side: number) => Math.max(1, Math.round(side * factor));
  return resizedClip(clip, { frameCount: clip.frameCount, height: size(clip.height), width: size(clip.width) });
}
