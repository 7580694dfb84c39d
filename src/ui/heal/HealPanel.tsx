/** Healing the student on screen: start, pause, end; its curves while it learns; before and after at a click. */
import { useEffect } from 'react';
import { samePlan } from '../../blocks/plan';
import type { HealOutcome, HealProgress } from '../../worker/protocol';
import { formatPercent, significant } from '../format';
import { Icon } from '../parts/Icon';
import { NumberField } from '../parts/NumberField';
import { Segmented } from '../parts/Segmented';
import {
  cancelHealing,
  finishHealing,
  type HealingState,
  pauseHealing,
  setHealingMinutes,
  startHealing,
  useHealing,
  wearHealed,
} from '../store/healing';
import { useStudio } from '../store/state';
import { HealChart } from './HealChart';
import './heal.css';

export function HealPanel() {
  const healing = useHealing();
  const open = useStudio((state) => state.open);
  const plan = useStudio((state) => state.plan);
  const isOfThis =
    healing.of !== null && healing.of.fingerprint === open?.fingerprint && samePlan(healing.of.plan, plan);
  const otherModel = healing.of !== null && open !== null && healing.of.fingerprint !== open.fingerprint;
  useEffect(() => {
    if (otherModel) cancelHealing();
  }, [otherModel]);
  if (!open) return null;
  return (
    <section className="heal" aria-label="Healing" data-testid="heal-panel">
      <div className="heal-head">
        <Standing healing={healing} isOfThis={isOfThis} />
        <span className="spacer" />
        <Controls healing={healing} />
      </div>
      {healing.heldOut.length > 0 && <HealChart training={healing.training} heldOut={healing.heldOut} />}
      {healing.outcome && <Outcome outcome={healing.outcome} isOfThis={isOfThis} />}
    </section>
  );
}

function Standing({ healing, isOfThis }: { readonly healing: HealingState; readonly isOfThis: boolean }) {
  const dropped = useStudio((state) => state.plan.dropped.length);
  if (healing.running)
    return (
      <p className="heal-standing" role="status" data-testid="heal-standing">
        {healing.ending ? 'Measuring a last time…' : healing.paused ? 'Paused. ' : ''}
        {!healing.ending && describeProgress(healing.progress)}
        {!isOfThis && <span className="faint"> Of the cut that it was begun with, not the one on screen.</span>}
      </p>
    );
  if (healing.outcome && isOfThis)
    return (
      <p className="heal-standing" data-testid="heal-standing">
        {describeOutcome(healing.outcome)}
      </p>
    );
  if (dropped === 0)
    return (
      <p className="heal-standing dim">Nothing is dropped, so there is nothing to heal: switch blocks off first.</p>
    );
  return (
    <p className="heal-standing">
      Trains what the cut left to do what the teacher does, on states of its own sampling.{' '}
      <span className="faint">All of it happens in this tab; no data is needed.</span>
    </p>
  );
}

function Controls({ healing }: { readonly healing: HealingState }) {
  const can = useStudio((state) => state.plan.dropped.length > 0 && state.open?.cannotRun === undefined);
  if (!healing.running)
    return (
      <>
        <NumberField
          label="Minutes"
          value={healing.minutes}
          min={1}
          max={600}
          width={64}
          onCommit={setHealingMinutes}
          testId="heal-minutes"
        />
        <button
          type="button"
          className="button primary"
          disabled={!can}
          onClick={() => void startHealing()}
          data-testid="heal-start"
        >
          {healing.outcome ? 'Heal again' : 'Heal'}
        </button>
      </>
    );
  const begun = healing.heldOut.length > 0;
  return (
    <>
      <button
        type="button"
        className="button"
        onClick={() => pauseHealing(!healing.paused)}
        disabled={healing.ending}
        data-testid="heal-pause"
      >
        {healing.paused ? 'Go on' : 'Pause'}
      </button>
      <button
        type="button"
        className="button"
        onClick={begun ? finishHealing : cancelHealing}
        disabled={healing.ending}
        title={begun ? 'Ends it; the best weights so far are the student’s' : 'Nothing was learnt yet'}
        data-testid="heal-stop"
      >
        {begun ? 'Stop and keep the best' : 'Cancel'}
      </button>
    </>
  );
}

function Outcome({ outcome, isOfThis }: { readonly outcome: HealOutcome; readonly isOfThis: boolean }) {
  const healed = useStudio((state) => state.healed);
  const worn = useStudio((state) => state.worn);
  if (!isOfThis || outcome.weights === undefined || healed === null) return null;
  return (
    <div className="heal-outcome">
      <Segmented
        label="Weights of the student"
        choices={[
          { value: 'before', label: 'Unhealed' },
          { value: 'after', label: 'Healed' },
        ]}
        value={worn ? 'after' : 'before'}
        onChange={(value) => wearHealed(value === 'after')}
        testId="heal-worn"
      />
      <span className="faint">
        <Icon name="check" size={14} /> Clips and exports have the {worn ? 'healed' : 'unhealed'} weights.
      </span>
    </div>
  );
}

function describeProgress(progress: HealProgress | null): string {
  if (!progress || progress.phase === 'graphs') return 'Writing the graph of a training step…';
  const { phase, done, of, secondsLeft } = progress;
  if (phase === 'clips') return `The teacher makes clips to learn from: ${done} of ${of}.`;
  if (of > done && secondsLeft && of < 100_000) return `Step ${done} of ${of}, ${duration(secondsLeft)} left.`;
  return `Step ${done}.`;
}

function describeOutcome({ before, best, end, steps, seconds, weights }: HealOutcome): string {
  const why = end === 'not-finite' ? ' The loss was not a number any more.' : '';
  const ran = `${steps} steps in ${duration(seconds)}.`;
  if (weights === undefined) return `Nothing was better than the untouched student, so it stays as it is.${why} ${ran}`;
  return `Error on clips it never saw: ${significant(before.total)} before, ${significant(best.total)} now (${formatPercent(best.total / before.total)}). ${ran}`;
}

function duration(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
