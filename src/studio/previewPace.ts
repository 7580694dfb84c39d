/**
 * When a sampling may stop for a preview: so that all previews together, comparisons included, take at most a tenth of
 * what denoising has taken, whatever a step and a preview cost here. The final clip is no preview.
 */

/** Of the time of the steps. */
const SHARE = 0.1;

export interface PreviewPace {
  /** A step was run; nothing for one that was replayed. */
  stepTook(ms: number): void;
  /** Whether a preview can be afforded now. The first, whose cost nobody knows, is taken once it could cost `unknownMs`. */
  affordsOne(): boolean;
  previewTook(ms: number): void;
  /** The last preview's cost, for the next sampling. */
  readonly costMs: number | undefined;
}

/** What a preview is taken to cost until one was made. */
const unknownMs = 300;

/** `costMs`: of a preview before, if there was one. */
export function previewPace(costMs?: number): PreviewPace {
  let [stepsMs, previewsMs] = [0, 0];
  let expectedMs = costMs;
  return {
    stepTook: (ms) => {
      stepsMs += ms;
    },
    affordsOne: () => previewsMs + (expectedMs ?? unknownMs) <= SHARE * stepsMs,
    previewTook: (ms) => {
      previewsMs += ms;
      expectedMs = ms;
    },
    get costMs() {
      return expectedMs;
    },
  };
}
