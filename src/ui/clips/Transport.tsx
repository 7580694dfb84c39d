/** Playback and view controls: one clock for both clips. */
import { Icon } from '../parts/Icon';
import { Segmented } from '../parts/Segmented';
import { frameCount } from '../store/derived';
import {
  setDifferenceGain,
  setLoop,
  setSpeed,
  setView,
  setZoom,
  speeds,
  stepFrames,
  togglePlay,
} from '../store/player';
import { useStudio } from '../store/state';

const views = [
  {
    value: 'side-by-side',
    label: (
      <>
        <Icon name="sideBySide" size={13} /> Side by side
      </>
    ),
    title: 'Teacher and student next to each other (1)',
  },
  {
    value: 'wipe',
    label: (
      <>
        <Icon name="wipe" size={13} /> Wipe
      </>
    ),
    title: 'One picture with a draggable split (2)',
  },
  {
    value: 'difference',
    label: (
      <>
        <Icon name="difference" size={13} /> Difference
      </>
    ),
    title: 'Absolute difference, amplified (3)',
  },
] as const;

export function Transport() {
  const { playing, loop, speed, view, zoom, differenceGain } = useStudio((state) => state.player);
  const hasClip = useStudio((state) => frameCount(state) > 0);
  return (
    <div className="transport" role="toolbar" aria-label="Playback">
      <button
        type="button"
        className="button quiet icon small"
        aria-label="Previous frame"
        title="Previous frame (,)"
        disabled={!hasClip}
        onClick={() => stepFrames(-1)}
        data-testid="frame-back"
      >
        <Icon name="stepBack" />
      </button>
      <button
        type="button"
        className="button icon small play"
        aria-label={playing ? 'Pause' : 'Play'}
        title={`${playing ? 'Pause' : 'Play'} (K)`}
        disabled={!hasClip}
        onClick={togglePlay}
        data-testid="play"
      >
        <Icon name={playing ? 'pause' : 'play'} size={14} />
      </button>
      <button
        type="button"
        className="button quiet icon small"
        aria-label="Next frame"
        title="Next frame (.)"
        disabled={!hasClip}
        onClick={() => stepFrames(1)}
        data-testid="frame-forward"
      >
        <Icon name="stepForward" />
      </button>
      <button
        type="button"
        className="button quiet icon small"
        aria-label="Loop"
        title="Loop"
        aria-pressed={loop}
        onClick={() => setLoop(!loop)}
        data-testid="loop"
      >
        <Icon name="loop" />
      </button>
      <FrameReadout />
      <label className="transport-field">
        <span className="visually-hidden">Speed</span>
        <select
          className="field"
          value={speed}
          onChange={(event) => setSpeed(Number(event.target.value))}
          title="Playback speed"
          data-testid="speed"
        >
          {speeds.map((value) => (
            <option key={value} value={value}>
              {value}×
            </option>
          ))}
        </select>
      </label>
      <span className="spacer" />
      {view === 'difference' && (
        <label className="transport-field">
          <span className="faint">Gain</span>
          <select
            className="field"
            value={differenceGain}
            onChange={(event) => setDifferenceGain(Number(event.target.value))}
          >
            {[1, 2, 4, 8, 16].map((value) => (
              <option key={value} value={value}>
                {value}×
              </option>
            ))}
          </select>
        </label>
      )}
      <Segmented label="View" choices={views} value={view} onChange={setView} testId="view" />
      <label className="transport-field">
        <span className="faint">Zoom</span>
        <select
          className="field"
          value={zoom}
          onChange={(event) => setZoom(Number(event.target.value))}
          title="Nearest-neighbour zoom"
          data-testid="zoom"
        >
          <option value={0}>Fit</option>
          {[1, 2, 3, 4, 6, 8, 12].map((value) => (
            <option key={value} value={value}>
              {value}×
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function FrameReadout() {
  const frame = useStudio((state) => state.player.frame);
  const frames = useStudio(frameCount);
  const framesPerSecond = useStudio((state) => state.open?.description.framesPerSecond ?? 8);
  return (
    <span className="readout" data-testid="frame-readout" data-frame={frame}>
      <b>{frames === 0 ? '–' : String(frame + 1).padStart(String(frames).length, '0')}</b>
      <span className="faint">
        {' '}
        / {frames === 0 ? '–' : frames} · {(frame / framesPerSecond).toFixed(2)}&thinsp;s · {framesPerSecond}&thinsp;fps
      </span>
    </span>
  );
}
