/** How the student learns: error on each batch, and on clips of other seeds, by step, on a logarithmic scale. */
import { useMemo } from 'react';
import { CartesianGrid, Line, LineChart, ResponsiveContainer, XAxis, YAxis } from 'recharts';
import type { HeldOutPoint, TrainingPoint } from '../../worker/protocol';
import { significant } from '../format';

interface HealChartProps {
  readonly training: readonly TrainingPoint[];
  readonly heldOut: readonly HeldOutPoint[];
}

interface Point {
  readonly step: number;
  readonly batch?: number;
  readonly total?: number;
  readonly content?: number;
  readonly motion?: number;
}

const lines = [
  { key: 'batch', label: 'each batch', colour: '#5c6675', dots: false },
  { key: 'content', label: 'held out, content', colour: 'var(--content)', dots: false },
  { key: 'motion', label: 'held out, motion', colour: 'var(--motion)', dots: false },
  { key: 'total', label: 'held out, total', colour: 'var(--student)', dots: true },
] as const;

/** More points than a chart has pixels for are averaged. */
const MOST_POINTS = 240;

export function HealChart({ training, heldOut }: HealChartProps) {
  const points = useMemo(() => pointsOf(training, heldOut), [training, heldOut]);
  const [first, last] = [heldOut[0]!, heldOut.at(-1)!];
  return (
    <figure className="heal-chart">
      <figcaption>
        {lines.map(({ key, label, colour }) => (
          <span key={key}>
            <i style={{ background: colour }} />
            {label}
          </span>
        ))}
      </figcaption>
      <div
        className="heal-plot"
        role="img"
        aria-label={`Error by step: held out ${significant(first.total)} at first, ${significant(last.total)} after ${last.step} steps`}
        data-testid="heal-chart"
      >
        <ResponsiveContainer width="100%" height="100%">
          <LineChart data={points} margin={{ top: 8, right: 8, bottom: 0, left: 0 }} accessibilityLayer={false}>
            <CartesianGrid stroke="#20252d" vertical={false} />
            <XAxis
              dataKey="step"
              type="number"
              domain={[0, 'dataMax']}
              tick={{ fill: '#939dac', fontSize: 11 }}
              tickLine={false}
              axisLine={{ stroke: '#333b47' }}
            />
            <YAxis
              scale="log"
              domain={['auto', 'auto']}
              allowDataOverflow
              width={52}
              tick={{ fill: '#939dac', fontSize: 11 }}
              tickLine={false}
              axisLine={false}
              tickFormatter={(value: number) => significant(value, 2)}
            />
            {lines.map(({ key, colour, dots }) => (
              <Line
                key={key}
                dataKey={key}
                stroke={colour}
                strokeWidth={dots ? 2 : 1.25}
                type="linear"
                dot={dots ? { r: 2.5, fill: colour, stroke: 'none' } : false}
                activeDot={false}
                isAnimationActive={false}
                connectNulls
              />
            ))}
          </LineChart>
        </ResponsiveContainer>
      </div>
    </figure>
  );
}

function pointsOf(training: readonly TrainingPoint[], heldOut: readonly HeldOutPoint[]): readonly Point[] {
  const size = Math.max(1, Math.ceil(training.length / MOST_POINTS));
  const batches: Point[] = [];
  for (let first = 0; first < training.length; first += size) {
    const some = training.slice(first, first + size);
    const mean = some.reduce((sum, { output }) => sum + output, 0) / some.length;
    if (mean > 0) batches.push({ step: some.at(-1)!.step, batch: mean });
  }
  const measured = heldOut.map(
    ({ step, total, content, motion }): Point => ({ step, ...positive({ total, content, motion }) }),
  );
  return [...batches, ...measured].sort((a, b) => a.step - b.step);
}

/** A logarithmic scale has no place for others. */
const positive = <T extends Readonly<Record<string, number>>>(values: T): Partial<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value > 0)) as Partial<T>;
