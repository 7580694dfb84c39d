/** Playback and view controls: one clock for both clips. */
import { Icon } from '../parts/Icon';
import { Segmented } from '../parts/Segmented';
import { frameCount } from '../store/derived';
import {
  setDifferenceGain,
  setLoop,
  setPair,
  setSpeed,
  setView,
  setZoom,
  speeds,
  stepFrames,
  togglePlay,
} from '../store/player';
import type { ClipPair } from '../store/state';
import { useStudio } from '../store/state';
import { resetViewport, setSwapped, useViewport } from '../store/viewport';
import { SaveClip } from './SaveClip';

const views = [
  {
    value: 'side-by-side',
    label: (
      <>
        <Icon name="sideBySide" size={13} /> <span>Side by side</span>
      </>
    ),
  },
  {
    value: 'wipe',
    label: (
      <>
        <Icon name="wipe" size={13} /> <span>Wipe</span>
      </>
    ),
  },
  {
    value: 'difference',
    label: (
      <>
        <Icon name="difference" size={13} /> <span>Difference</span>
      </>
    ),
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
            aria-label="Gain"
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
      {view !== 'side-by-side' && <PairChoice />}
      <SwapButton />
      <Segmented label="View" choices={views} value={view} onChange={setView} testId="view" />
      <label className="transport-field">
        <span className="faint">Zoom</span>
        <select
          className="field"
          aria-label="Zoom"
          value={zoom}
          onChange={(event) => setZoom(Number(event.target.value))}
          data-testid="zoom"
        >
          <option value={0}>Fit</option>
          {[1, 2, 3, 4, 6, 8, 12, 16].map((value) => (
            <option key={value} value={value}>
              {value}×
            </option>
          ))}
        </select>
      </label>
      <Magnified />
      <SaveClip />
    </div>
  );
}

/** With two students: which two clips lie over each other. */
function PairChoice() {
  const three = useStudio((state) => state.second !== null);
  const pair = useStudio((state) => state.player.pair);
  if (!three) return null;
  return (
    <label className="transport-field">
      <span className="visually-hidden">Which two clips</span>
      <select
        className="field"
        value={pair}
        onChange={(event) => setPair(event.target.value as ClipPair)}
        data-testid="pair"
      >
        <option value="student">Teacher, A</option>
        <option value="second">Teacher, B</option>
        <option value="students">A, B</option>
      </select>
    </label>
  );
}

/** Held down, each side shows the other's clip: what differs jumps to the eye. */
function SwapButton() {
  const swapped = useViewport((state) => state.swapped);
  const three = useStudio((state) => state.second !== null);
  const both = useStudio((state) => state.shown.teacher !== undefined && state.shown.student !== undefined);
  const end = () => setSwapped(false);
  return (
    <button
      type="button"
      className="button quiet small swap"
      aria-label={three ? 'Hold to swap A and B' : 'Hold to swap'}
      aria-pressed={swapped}
      disabled={!both}
      onPointerDown={() => setSwapped(true)}
      onPointerUp={end}
      onPointerLeave={end}
      onPointerCancel={end}
      onKeyDown={(event) => (event.key === ' ' || event.key === 'Enter') && setSwapped(true)}
      onKeyUp={end}
      onBlur={end}
      data-testid="swap"
    >
      <Icon name="swap" size={14} /> <span className="wide-only">{three ? 'Swap A, B' : 'Hold to swap'}</span>
    </button>
  );
}

function Magnified() {
  const scale = useViewport((state) => state.scale);
  if (scale === 1) return null;
  return (
    <button type="button" className="button small" onClick={resetViewport} data-testid="viewport-reset">
      {scale.toFixed(1)}× · reset
    </button>
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
