/**
 * A plan for a budget: the cut that harms least at a share of the teacher's MACs or parameters, searched by measuring
 * in the background. The best so far can be loaded at any time; beside the last one stand the cuts of others.
 */
import type { CSSProperties } from 'react';
import { sameCut } from '../../blocks/plan';
import type { Currency, MeasuredPlan } from '../../worker/protocol';
import { formatPercent, formatTiny } from '../format';
import { Segmented } from '../parts/Segmented';
import { applyCut, tryPlan } from '../store/edit';
import { choosePlanning, startPlan, usePlanning } from '../store/planning';
import { useStudio } from '../store/state';
import { FrontChart } from './FrontChart';
import { Controls, UnitChoice } from './ImportancePanel';
import './planning.css';

export function PlanPanel() {
  const { currency, share, running, result, best, plansMeasured, unitKind } = usePlanning();
  const ready = useStudio((state) => state.open !== null && state.open.cannotRun === undefined);
  const searching = running?.job === 'plan';
  const found = result ?? best;
  return (
    <section className="planning" aria-label="Plan for a budget" data-testid="plan-panel">
      <header className="planning-head">
        <label className="budget">
          <span>
            Keep at most <b>{Math.round(share * 100)} %</b> of
          </span>
          <input
            type="range"
            min={30}
            max={95}
            step={5}
            value={Math.round(share * 100)}
            aria-label="Share of the teacher that may stay, in percent"
            onChange={(event) => choosePlanning({ share: Number(event.target.value) / 100 })}
            disabled={searching}
            data-testid="budget-share"
          />
        </label>
        <Segmented<Currency>
          label="What the budget counts"
          choices={[
            { value: 'macs', label: 'MACs' },
            { value: 'parameters', label: 'Parameters' },
            { value: 'ms', label: 'Step time' },
          ]}
          value={currency}
          onChange={(value) => choosePlanning({ currency: value })}
          testId="budget-currency"
        />
        <span className="named">
          <span aria-hidden="true">Spare</span>
          <WeightChoice />
        </span>
        <span className="named">
          <span aria-hidden="true">Cut</span>
          <UnitChoice />
        </span>
        <LockChoice />
        <Controls job="plan" ready={ready && unitKind !== 'decoder'} known={0} onStart={() => void startPlan()} />
      </header>
      {(searching || found) && (
        <p className="claim" data-testid="plan-status" role="status">
          {result
            ? result.fits
              ? `Found after ${plansMeasured} measured plans.`
              : 'No plan of these units is within the budget; this is the cheapest.'
            : searching
              ? `${plansMeasured} plans measured; ${best ? 'the best within the budget so far:' : 'none within the budget yet.'}`
              : 'Stopped; the best within the budget so far:'}
        </p>
      )}
      {found && <PlanTable found={found} />}
      {!found && !searching && (
        <p className="planning-empty">
          {unitKind === 'decoder'
            ? 'Plans are searched over the denoiser’s blocks: choose layers, pairs or stages.'
            : 'Every candidate is measured on the teacher’s own states; after each removal the rest is measured anew.'}
        </p>
      )}
    </section>
  );
}

/** Blocks that stay: the one in focus on the map is added, a click on one of the list lets it go. */
function LockChoice() {
  const locked = usePlanning((state) => state.locked);
  const focused = useStudio((state) => state.focusedId);
  return (
    <span className="planning-controls">
      {locked.map((id) => (
        <button
          key={id}
          type="button"
          className="button small"
          aria-label={`Let ${id} be dropped again`}
          onClick={() => choosePlanning({ locked: locked.filter((one) => one !== id) })}
        >
          {id} stays ×
        </button>
      ))}
      <button
        type="button"
        className="button small"
        disabled={focused === null || locked.includes(focused)}
        onClick={() => focused !== null && choosePlanning({ locked: [...locked, focused] })}
        data-testid="plan-lock"
      >
        Never drop {focused ?? 'a block'}
      </button>
    </span>
  );
}

function WeightChoice() {
  const value = usePlanning(({ contentWeight, motionWeight }) =>
    contentWeight > motionWeight ? 'content' : contentWeight < motionWeight ? 'motion' : 'both',
  );
  const weights = { both: [1, 1], content: [4, 1], motion: [1, 4] } as const;
  return (
    <Segmented<keyof typeof weights>
      label="Which damage weighs more"
      choices={[
        { value: 'both', label: 'Both alike' },
        { value: 'content', label: 'Content ×4' },
        { value: 'motion', label: 'Motion ×4' },
      ]}
      value={value}
      onChange={(chosen) => choosePlanning({ contentWeight: weights[chosen][0], motionWeight: weights[chosen][1] })}
      testId="plan-weights"
    />
  );
}

function PlanTable({ found }: { readonly found: MeasuredPlan }) {
  const result = usePlanning((state) => state.result);
  const front = (result?.front ?? []).filter(({ plan }) => plan.dropped.length > 0);
  return (
    <div className="plan-tables">
      <table className="plans" data-testid="plan-table">
        <caption>This plan, and the cuts of others measured in the same run</caption>
        <Head />
        <tbody>
          <Row name="This plan" of={found} testId="plan-found" />
          {result?.baselines.map((baseline) => (
            <Row key={baseline.name} name={baseline.name} of={baseline} testId="plan-baseline" />
          ))}
        </tbody>
      </table>
      {front.length > 1 && <FrontChart front={front} others={result?.baselines ?? []} />}
      {front.length > 1 && (
        <table className="plans" data-testid="plan-front">
          <caption>Of all that was measured, the plans that no other beats in both MACs and damage</caption>
          <Head />
          <tbody>
            {front.map((one) => (
              <Row
                key={one.plan.dropped.join()}
                name={`${one.plan.dropped.length} off`}
                of={one}
                testId="plan-of-front"
              />
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function Head() {
  return (
    <thead>
      <tr>
        <th scope="col">Cut</th>
        <th scope="col">MACs</th>
        <th scope="col">Parameters</th>
        <th scope="col">Time</th>
        <th scope="col">Damage</th>
        <th scope="col">Content</th>
        <th scope="col">Motion</th>
        <th scope="col">
          <span className="visually-hidden">Load</span>
        </th>
      </tr>
    </thead>
  );
}

interface RowProps {
  readonly name: string;
  readonly of: MeasuredPlan;
  readonly testId: string;
}

function Row({ name, of: { plan, cost, error }, testId }: RowProps) {
  const loaded = useStudio((state) => state.open !== null && sameCut(state.open.tree, state.plan, plan));
  const preview = { onPointerEnter: () => tryPlan(plan), onPointerLeave: () => tryPlan(null) };
  return (
    <tr data-testid={testId} data-damage={error.total} style={{ '--kept': cost.macs } as CSSProperties} {...preview}>
      <th scope="row">{name}</th>
      <td>{formatPercent(cost.macs)}</td>
      <td>{formatPercent(cost.parameters)}</td>
      <td data-testid="plan-time">
        {cost.ms === null ? '–' : formatPercent(cost.ms)}
        {cost.msInterval && <small className="faint"> {cost.msInterval.map(formatPercent).join(' to ')}</small>}
      </td>
      <td>{formatTiny(error.total)}</td>
      <td>{formatTiny(error.content)}</td>
      <td>{formatTiny(error.motion)}</td>
      <td>
        <button
          type="button"
          className="button small"
          aria-label={`Load ${name}`}
          aria-pressed={loaded}
          onClick={() => applyCut('denoiser', plan)}
          onFocus={() => tryPlan(plan)}
          onBlur={() => tryPlan(null)}
        >
          {loaded ? 'Loaded' : 'Load'}
        </button>
      </td>
    </tr>
  );
}
