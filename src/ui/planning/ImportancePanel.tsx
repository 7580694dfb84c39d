/**
 * Which blocks matter: each switched off alone, and what that does to content and to motion on the teacher's own
 * states. Measured in the background; what is there is shown at once, here as a chart over depth and on the map.
 */
import { useEffect, useState } from 'react';
import type { UnitKind } from '../../worker/protocol';
import { Segmented } from '../parts/Segmented';
import { usePage, writePage } from '../store/page';
import {
  choosePlanning,
  pausePlanning,
  type RunningJob,
  type ShownError,
  shownErrorOf,
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
  const { running, units, unitKind, allMeasured, influences } = usePlanning();
  const ready = useStudio((state) => state.open !== null && state.open.cannotRun === undefined);
  return (
    <section className="planning" aria-label="Importance of blocks" data-testid="importance">
      <header className="planning-head">
        <p className="planning-lead">
          Each {unitNames[unitKind]} off alone:{' '}
          {unitKind === 'decoder'
            ? 'what is then wrong in the frames decoded from the teacher’s own latents.'
            : 'what the denoiser then gets wrong on the teacher’s own states.'}
        </p>
        <UnitChoice withDecoder />
        <ClipChoice />
        <AlsoChoice />
        <Controls
          job="analyze"
          ready={ready && !allMeasured}
          known={units.length}
          onStart={() => void startAnalysis()}
        />
      </header>
      {units.length > 0 ? (
        <>
          {unitKind !== 'decoder' && <ClaimLine units={units} soFar={running?.job === 'analyze'} />}
          <ErrorChoice />
          <DamageChart units={units} />
          <MapFillChoice />
        </>
      ) : (
        <p className="planning-empty">
          {Object.keys(influences).length > 0
            ? proxyRanking(influences)
            : `Nothing measured yet${running?.job === 'analyze' ? ': the teacher’s own run comes first.' : '.'}`}
        </p>
      )}
    </section>
  );
}

const unitNames: Readonly<Record<UnitKind, string>> = {
  layers: 'layer',
  pairs: 'pair',
  stages: 'stage',
  runs: 'run of blocks',
  decoder: 'layer of the decoder',
};

/** What one call of the teacher says, until damage is measured. */
function proxyRanking(influences: Readonly<Record<string, readonly number[]>>): string {
  const of = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const order = Object.entries(influences).sort(([, a], [, b]) => of(b) - of(a));
  const first = order.slice(0, 4).map(([id]) => id);
  return `By how much each changes its input (block influence, a guess): ${first.join(', ')} first. Measuring follows.`;
}

/** What is measured beside the outputs, at a cost. */
function AlsoChoice() {
  const { withFinal, withTimes, running } = usePlanning();
  const box = (label: string, checked: boolean, change: (on: boolean) => void, testId: string) => (
    <label className="also">
      <input
        type="checkbox"
        checked={checked}
        disabled={running !== null}
        onChange={(event) => change(event.target.checked)}
        data-testid={testId}
      />{' '}
      {label}
    </label>
  );
  return (
    <span className="planning-controls">
      <span className="dim">Also:</span>
      {box('final latent', withFinal, (on) => choosePlanning({ withFinal: on }), 'with-final')}
      {box('time saved', withTimes, (on) => choosePlanning({ withTimes: on }), 'with-times')}
    </span>
  );
}

/** Which error the chart and the map show. */
function ErrorChoice() {
  const { shownError, units } = usePlanning();
  const names = {
    output: 'All states',
    highNoise: 'High noise',
    lowNoise: 'Low noise',
    final: 'Final latent',
  } as const;
  const there = (Object.keys(names) as ShownError[]).filter((key) => units.some((unit) => shownErrorOf(unit, key)));
  if (there.length < 2) return null;
  return (
    <p className="planning-fill">
      <Segmented<ShownError>
        label="Error shown"
        choices={there.map((value) => ({ value, label: names[value] }))}
        value={shownError}
        onChange={(value) => choosePlanning({ shownError: value })}
        testId="shown-error"
      />
    </p>
  );
}

export function UnitChoice({ withDecoder = false }: { readonly withDecoder?: boolean }) {
  const unitKind = usePlanning((state) => state.unitKind);
  const hasDecoder = useStudio((state) => state.open?.decoder !== undefined);
  const hasRuns = useStudio((state) => state.open?.tree.blocks.some(({ kind }) => kind === 'transformer') ?? false);
  return (
    <Segmented<UnitKind>
      label="Switched off as one"
      choices={[
        { value: 'layers', label: 'Layers' },
        { value: 'pairs', label: 'Pairs' },
        { value: 'stages', label: 'Stages' },
        ...(hasRuns ? [{ value: 'runs' as const, label: 'Runs' }] : []),
        ...(withDecoder && hasDecoder ? [{ value: 'decoder' as const, label: 'Decoder' }] : []),
      ]}
      value={unitKind}
      onChange={(value) => choosePlanning({ unitKind: value })}
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
  const hasTimes = usePlanning((state) => state.units.some(({ savedMs }) => savedMs !== null && savedMs !== undefined));
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
      {hasTimes && (
        <button
          type="button"
          className="button small"
          aria-pressed={quantity === 'time'}
          onClick={() => writePage({ quantity: quantity === 'time' ? 'parameters' : 'time' })}
          data-testid="fill-time"
        >
          Time saved
        </button>
      )}
    </p>
  );
}
