/**
 * The Pareto front: MACs against damage, logarithmic. A dot is a plan that no measured one beats in both; under the pointer
 * its cut shows on the map, a click loads it. Rings are the cuts of others. The table beside it says the same in words.
 */
import type { Baseline, MeasuredPlan } from '../../worker/protocol';
import { formatPercent, formatTiny } from '../format';
import { setPlan, tryPlan } from '../store/edit';

const [width, height, left, bottom, top] = [560, 170, 52, 24, 10];

interface FrontChartProps {
  readonly front: readonly MeasuredPlan[];
  readonly others: readonly Baseline[];
}

export function FrontChart({ front, others }: FrontChartProps) {
  const all = [...front, ...others].filter(({ error }) => error.total > 0 && Number.isFinite(error.total));
  if (all.length < 2) return null;
  const damages = all.map(({ error }) => Math.log10(error.total));
  const [from, to] = [Math.floor(Math.min(...damages)), Math.ceil(Math.max(...damages))];
  const least = Math.min(...all.map(({ cost }) => cost.macs));
  const x = (macs: number) => left + ((macs - least) / Math.max(1e-6, 1 - least)) * (width - left - 16);
  const y = (damage: number) =>
    height -
    bottom -
    ((Math.log10(Math.max(damage, 10 ** from)) - from) / Math.max(1, to - from)) * (height - bottom - top);
  const name = ({ plan, cost, error }: MeasuredPlan) =>
    `${plan.dropped.length} off, ${formatPercent(cost.macs)} of the MACs, damage ${formatTiny(error.total)}`;
  const line = front.map(({ cost, error }) => `${x(cost.macs)},${y(error.total)}`).join(' ');
  return (
    <figure className="front">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="group"
        aria-label="Front of plans: MACs against damage"
        data-testid="front-chart"
      >
        {[from, to].map((decade) => (
          <g key={decade} className="damage-tick">
            <line x1={left} x2={width - 8} y1={y(10 ** decade)} y2={y(10 ** decade)} />
            <text x={left - 6} y={y(10 ** decade) + 4} textAnchor="end">
              {formatTiny(10 ** decade)}
            </text>
          </g>
        ))}
        <text className="damage-axis" x={left} y={height - 6}>
          {formatPercent(least)} of the MACs
        </text>
        <text className="damage-axis" x={width - 16} y={height - 6} textAnchor="end">
          100 %
        </text>
        <polyline className="front-line" points={line} />
        {others.map((other) => (
          <circle key={other.name} className="front-other" cx={x(other.cost.macs)} cy={y(other.error.total)} r={4}>
            <title>{`${other.name}: ${name(other)}`}</title>
          </circle>
        ))}
        {front.map((one) => (
          <circle
            key={one.plan.dropped.join()}
            className="front-plan"
            cx={x(one.cost.macs)}
            cy={y(one.error.total)}
            r={5}
            role="button"
            tabIndex={0}
            aria-label={`Load ${name(one)}`}
            data-testid="front-plan"
            onPointerEnter={() => tryPlan(one.plan)}
            onPointerLeave={() => tryPlan(null)}
            onFocus={() => tryPlan(one.plan)}
            onBlur={() => tryPlan(null)}
            onClick={() => setPlan(one.plan)}
            onKeyDown={(event) => (event.key === 'Enter' || event.key === ' ') && setPlan(one.plan)}
          >
            <title>{name(one)}</title>
          </circle>
        ))}
      </svg>
    </figure>
  );
}
