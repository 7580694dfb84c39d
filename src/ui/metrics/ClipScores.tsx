/** Each clip by itself, by VBench's formulas: teacher and student, and with what it was looked. On a click. */
import type { VideoScores } from '../../metrics/vbench/videoScores';
import { significant } from '../format';
import { Explain } from '../parts/Explain';
import { isComparisonCurrent } from '../store/derived';
import { measureScores, useScores } from '../store/scores';
import { useStudio } from '../store/state';

const rows: readonly {
  readonly name: string;
  readonly about: string;
  readonly text: (scores: VideoScores) => string;
}[] = [
  {
    name: 'Temporal flickering',
    about: 'VBench: (255 − mean difference of neighbouring frames) / 255. A clip that stands still scores best.',
    text: ({ temporalFlickering }) => temporalFlickering.toFixed(3),
  },
  {
    name: 'Motion smoothness (proxy)',
    about:
      'VBench’s formula: (255 − mean error of the odd frames, foretold from their neighbours) / 255. VBench foretells them with AMT-S; here they lie halfway along the optical flow.',
    text: ({ motionSmoothness }) => motionSmoothness.toFixed(3),
  },
  {
    name: 'Dynamic degree (proxy)',
    about:
      'VBench’s formula: whether enough pairs of frames, at eight a second, move further than 6 pixels of 256. VBench takes RAFT’s flow; here it is the studio’s.',
    text: ({ dynamicDegree }) => (dynamicDegree ? 'dynamic' : 'not dynamic'),
  },
  {
    name: 'Warping error',
    about:
      'Lai et al. 2018: squared error between a frame and the next one carried back along the optical flow, where nothing is hidden; squared 8-bit levels.',
    text: ({ warpingError }) => (warpingError === null ? 'n/a' : significant(warpingError)),
  },
];

export function ClipScores() {
  const { measured, measuring } = useScores();
  const current = useStudio(isComparisonCurrent);
  const shown = useStudio((state) => state.shown);
  const scores =
    measured?.teacher === shown.teacher?.clip && measured?.student === shown.student?.clip
      ? measured?.scores
      : undefined;
  return (
    <div className="clip-scores" data-testid="clip-scores" data-measured={scores !== undefined}>
      <span className="clip-scores-name">The clips themselves, by VBench’s formulas</span>
      {scores ? (
        rows.map(({ name, about, text }) => (
          <span key={name}>
            <Explain about={about}>{name}</Explain>{' '}
            <b>
              {text(scores[0])} → {text(scores[1])}
            </b>
          </span>
        ))
      ) : (
        <button
          type="button"
          className="button small"
          disabled={!current || measuring}
          onClick={() => void measureScores()}
          data-testid="measure-scores"
        >
          {measuring ? 'Being measured' : 'Measure'}
        </button>
      )}
    </div>
  );
}
