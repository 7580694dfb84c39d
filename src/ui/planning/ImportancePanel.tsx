/**
 * Which blocks matter: each switched off alone, and what that does to content and to motion on the teacher's own
 * states. Measured in the background; what is there is shown at once, here as a chart over depth and on the map.
 */
import { useEffect, useState } from 'react';
import { Segmented } from '../parts/Segmented';
import { usePage, writePage } from '../store/page';
import {
  choosePlanning,
  pausePlanning,
  type RunningJob,
  startAnalysis,
  stopPlanning,
  usePlanning,
} from '../store/planning';
import { useStudio } from '../store/state';
import { ClaimLine } from './ClaimLine';
import { DamageChart } from './DamageChart';
import { timeLeft } from './timeLeft';
import './planning.css';

export function ImportancePanel() {
  const { running, units, unitKind, allMeasured } = usePlanning();
  const ready = useStudio((state) => state.open !== null && state.open.cannotRun === undefined);
  return (
    <section className="planning" aria-label="Importance of blocks" data-testid="importance">
      <header className="planning-head">
        <p className="planning-lead">
          Each {unitKind === 'pairs' ? 'pair' : 'layer'} off alone: what the denoiser then gets wrong on the teacher’s
          own states.
        </p>
        <UnitChoice />
        <ClipChoice />
        <Controls
          job="analyze"
          ready={ready && !allMeasured}
          known={units.length}
          onStart={() => void startAnalysis()}
        />
      </header>
      {units.length > 0 ? (
        <>
          <ClaimLine units={units} soFar={running?.job === 'analyze'} />
          <DamageChart units={units} />
          <MapFillChoice />
        </>
      ) : (
        <p className="planning-empty">
          Nothing measured yet{running?.job === 'analyze' ? ': the teacher’s own run comes first.' : '.'}
        </p>
      )}
    </section>
  );
}

export function UnitChoice() {
  const unitKind = usePlanning((state) => state.unitKind);
  return (
    <Segmented
      label="Switched off as one"
      choices={[
        { value: 'layers', label: 'Layers' },
        { value: 'pairs', label: 'Pairs' },
      ]}
      value={unitKind}
      onChange={(value) => choosePlanning({ unitKind: value as 'layers' | 'pairs' })}
      testId="unit-kind"
    />
  );
}

function ClipChoice() {
  const clipCount = usePlanning((state) => state.clipCount);
  return (
    <Segmented
      label="Clips to measure on"
      choices={[1, 2, 4].map((value) => ({ value, label: value === 1 ? '1 clip' : `${value} clips` }))}
      value={clipCount}
      onChange={(value) => choosePlanning({ clipCount: value })}
      testId="clip-count"
    />
  );
}

interface ControlsProps {
  readonly job: RunningJob['job'];
  readonly ready: boolean;
  /** Whether there is something to go on from. */
  readonly known: number;
  readonly onStart: () => void;
}

const startNames = {
  analyze: (known: number, ready: boolean) => (known === 0 ? 'Measure' : ready ? 'Go on measuring' : 'All measured'),
  plan: () => 'Search',
} as const;

/** Start, or pause and stop, with the time left. */
export function Controls({ job, ready, known, onStart }: ControlsProps) {
  const running = usePlanning((state) => state.running);
  if (running?.job !== job)
    return (
      <button type="button" className="button small" disabled={!ready} onClick={onStart} data-testid={`${job}-start`}>
        {startNames[job](known, ready)}
      </button>
    );
  return (
    <span className="planning-controls">
      {job === 'analyze' && <Progress running={running} />}
      <button
        type="button"
        className="button small"
        onClick={() => pausePlanning(!running.paused)}
        data-testid={`${job}-pause`}
      >
        {running.paused ? 'Go on' : 'Pause'}
      </button>
      <button type="button" className="button small" onClick={stopPlanning} data-testid={`${job}-stop`}>
        Stop
      </button>
    </span>
  );
}

function Progress({ running }: { readonly running: RunningJob }) {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(performance.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const { done, of, startedMs, paused } = running;
  return (
    <span className="planning-progress" data-testid="analyze-progress">
      {of === 0 ? 'Teacher first' : `${done} of ${of}`}
      {paused ? ', paused' : timeLeft(done, of, nowMs - startedMs)}
    </span>
  );
}

function MapFillChoice() {
  const quantity = usePage((state) => state.quantity);
  return (
    <p className="planning-fill">
      On the map:
      {(['content', 'motion'] as const).map((value) => (
        <button
          key={value}
          type="button"
          className="button small"
          aria-pressed={quantity === value}
          onClick={() => writePage({ quantity: quantity === value ? 'parameters' : value })}
          data-testid={`fill-${value}`}
        >
          Damage to {value}
        </button>
      ))}
    </p>
  );
}
