/** One small chart over the frames, linked to the playhead: a click seeks, the line shows the frame on screen. */

import { memo, type PointerEvent, useMemo } from 'react';
import { Line, LineChart, ResponsiveContainer, usePlotArea, useXAxisScale, XAxis, YAxis } from 'recharts';
import { present } from '../../errors/present';
import type { ClipComparison } from '../../metrics/Clip';
import { seek } from '../store/player';
import { useStudio } from '../store/state';
import type { ChartFigure } from './figures';
import { chartRange } from './range';

const colours = { plain: '#cfd6e1', teacher: 'var(--teacher)', student: 'var(--student)' } as const;

/** Where the plot stands in the chart, so that clicks can be told as frames. */
const axisWidthPx = 44;
const rightMarginPx = 6;

export interface FrameChartProps {
  readonly figure: ChartFigure;
  readonly comparison: ClipComparison;
  readonly frames: number;
}

type Point = Readonly<Record<string, number | null>>;

export const FrameChart = memo(function FrameChart({ figure, comparison, frames }: FrameChartProps) {
  const points = useMemo(() => pointsOf(figure, comparison), [figure, comparison]);
  const finite = points.some((point) => figure.series.some(({ label }) => point[label] !== null));
  const range = useMemo(
    () =>
      chartRange(
        figure.series.flatMap(({ values }) => values(comparison)),
        figure.domain,
        figure.cap,
      ),
    [figure, comparison],
  );
  if (!finite) return <div className="chart-flat faint">identical in every frame</div>;
  const scrub = (event: PointerEvent<HTMLDivElement>) => {
    if (event.buttons === 0) return;
    const { left, width } = event.currentTarget.getBoundingClientRect();
    seek(((event.clientX - left - axisWidthPx) / (width - axisWidthPx - rightMarginPx)) * (frames - 1));
  };
  return (
    <div
      className="chart"
      role="img"
      aria-label={describe(figure, comparison)}
      onPointerDown={scrub}
      onPointerMove={scrub}
      data-testid={`chart-${figure.id}`}
    >
      <ResponsiveContainer width="100%" height="100%">
        <LineChart
          data={points}
          margin={{ top: 6, right: rightMarginPx, bottom: 6, left: 0 }}
          accessibilityLayer={false}
        >
          <XAxis dataKey="at" type="number" domain={[0, frames - 1]} hide />
          <YAxis
            width={axisWidthPx}
            domain={[...range]}
            ticks={[...range]}
            interval={0}
            tick={{ fill: '#939dac', fontSize: 11 }}
            tickLine={false}
            axisLine={false}
            tickFormatter={shortTick}
          />
          {figure.series.map(({ label, look }) => (
            <Line
              key={label}
              dataKey={label}
              stroke={colours[look]}
              strokeWidth={1.5}
              type="linear"
              dot={{ r: 1.4, fill: colours[look], stroke: 'none' }}
              activeDot={false}
              isAnimationActive={false}
              connectNulls={false}
            />
          ))}
          <Playhead frames={frames} />
        </LineChart>
      </ResponsiveContainer>
    </div>
  );
});

/** What the chart shows, in a sentence. */
function describe({ name, unit, per, series, format }: ChartFigure, comparison: ClipComparison): string {
  const ranges = series.map(({ label, values }) => {
    const finite = values(comparison).filter(Number.isFinite);
    const range = `from ${format(Math.min(...finite))} to ${format(Math.max(...finite))}${unit === '' ? '' : ` ${unit}`}`;
    return series.length === 1 ? range : `${label.toLowerCase()} ${range}`;
  });
  return `${name} by ${per === 'frame' ? 'frame' : 'transition between frames'}: ${ranges.join(', ')}`;
}

function pointsOf(figure: ChartFigure, comparison: ClipComparison): readonly Point[] {
  const columns = figure.series.map(({ label, values }) => [label, values(comparison)] as const);
  // A transition is drawn between its two frames.
  const offset = figure.per === 'transition' ? 0.5 : 0;
  return present(columns[0])[1].map((_, i) => ({
    at: i + offset,
    ...Object.fromEntries(
      columns.map(([label, values]) => [label, Number.isFinite(values[i]) ? present(values[i]) : null]),
    ),
  }));
}

function shortTick(value: number): string {
  const size = Math.abs(value);
  if (size >= 10_000) return `${Math.round(value / 1000)}k`;
  return String(Number(value.toPrecision(size >= 1 ? 4 : 3)));
}

/** Draws itself anew on every frame, so that the chart around it does not. */
function Playhead({ frames }: { readonly frames: number }) {
  const frame = useStudio((state) => state.player.frame);
  const area = usePlotArea();
  const scale = useXAxisScale();
  if (!area || !scale) return null;
  const x = scale(Math.min(frame, frames - 1));
  return <line className="playhead" x1={x} x2={x} y1={area.y} y2={area.y + area.height} />;
}
