/** How the student learns, by step: errors on each batch and on clips of other seeds, on a logarithmic scale; the critic beside them. */

import { useMemo } from 'react';
import { CartesianGrid, Line, LineChart, ReferenceLine, ResponsiveContainer, XAxis, YAxis } from 'recharts';
import { present } from '../../errors/present';
import type { HeldOutPoint, TrainingPoint } from '../../worker/protocol';
import { formatPercent, significant } from '../format';
import { type CurvePoint, curvePoints } from './curvePoints';

interface HealChartProps {
  readonly training: readonly TrainingPoint[];
  readonly heldOut: readonly HeldOutPoint[];
}

interface CurveLine {
  readonly key: keyof CurvePoint;
  readonly label: string;
  readonly colour: string;
  readonly dots?: boolean;
  readonly dashed?: boolean;
}

const errorLines: readonly CurveLine[] = [
  { key: 'total', label: 'held out, total', colour: 'var(--student)', dots: true },
  { key: 'content', label: 'held out, content', colour: 'var(--content)' },
  { key: 'motion', label: 'held out, motion', colour: 'var(--motion)' },
  { key: 'batch', label: 'output, each batch', colour: '#7c8797' },
  { key: 'icd', label: 'layers (ICD)', colour: '#7c8797', dashed: true },
];
const criticLines: readonly CurveLine[] = [{ key: 'accuracy', label: 'critic: told rightly', colour: '#c3b2f6' }];

export function HealChart({ training, heldOut }: HealChartProps) {
  const points = useMemo(() => curvePoints(training, heldOut), [training, heldOut]);
  const has = ({ key }: CurveLine) => points.some((point) => point[key] !== undefined);
  const [first, last] = [present(heldOut[0]), present(heldOut.at(-1))];
  const critic = training.at(-1)?.critic;
  return (
    <div className="heal-charts">
      <Curves
        lines={errorLines.filter(has)}
        points={points}
        scale="log"
        testId="heal-chart"
        label={`Error by step: held out ${significant(first.total)} at first, ${significant(last.total)} after ${last.step} steps`}
      />
      {critic && (
        <Curves
          lines={criticLines}
          points={points}
          scale="share"
          testId="heal-critic"
          label={`The critic tells ${formatPercent(critic.accuracy)} of clips rightly${critic.counts ? '' : '; its word does not count before it can'}`}
        />
      )}
    </div>
  );
}

interface CurvesProps {
  readonly lines: readonly CurveLine[];
  readonly points: readonly CurvePoint[];
  /** 'share': from 0 to 1, with chance at a half. */
  readonly scale: 'log' | 'share';
  readonly label: string;
  readonly testId: string;
}

const tick = { fill: '#939dac', fontSize: 11 };

function Curves({ lines, points, scale, label, testId }: CurvesProps) {
  return (
    <figure className="heal-chart">
      <figcaption>
        {lines.map(({ key, label: name, colour, dashed }) => (
          <span key={key}>
            <i style={{ borderColor: colour }} data-dashed={dashed === true} />
            {name}
          </span>
        ))}
      </figcaption>
      <div className={`heal-plot${scale === 'share' ? ' low' : ''}`} role="img" aria-label={label} data-testid={testId}>
        <ResponsiveContainer width="100%" height="100%">
          <LineChart data={points} margin={{ top: 8, right: 8, bottom: 0, left: 0 }} accessibilityLayer={false}>
            <CartesianGrid stroke="#20252d" vertical={false} />
            <XAxis
              dataKey="step"
              type="number"
              domain={[0, 'dataMax']}
              tick={tick}
              tickLine={false}
              axisLine={{ stroke: '#333b47' }}
            />
            <YAxis
              scale={scale === 'log' ? 'log' : 'linear'}
              domain={scale === 'log' ? ['auto', 'auto'] : [0, 1]}
              allowDataOverflow
              width={52}
              tick={tick}
              tickLine={false}
              axisLine={false}
              tickFormatter={(value: number) => (scale === 'log' ? significant(value, 2) : formatPercent(value))}
            />
            {scale === 'share' && <ReferenceLine y={0.5} stroke="#5c6675" strokeDasharray="3 3" />}
            {lines.map(({ key, colour, dots, dashed }) => (
              <Line
                key={key}
                dataKey={key}
                stroke={colour}
                strokeWidth={dots ? 2 : 1.25}
                strokeDasharray={dashed ? '4 3' : undefined}
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
