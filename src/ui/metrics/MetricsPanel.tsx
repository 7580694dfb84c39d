/** Metrics in two groups: content of each frame, motion across frames; how the error splits between them; CSV. */
import type { CSSProperties } from 'react';
import type { ClipComparison } from '../../metrics/Clip';
import { metricsCsv } from '../../metrics/metricsCsv';
import { Icon } from '../parts/Icon';
import { isComparisonCurrent } from '../store/derived';
import { download } from '../store/exporting';
import { read, useStudio } from '../store/state';
import { FrameChart } from './FrameChart';
import {
  asShare,
  type ChartFigure,
  contentCharts,
  contentError,
  contentShare,
  type Figure,
  motionCharts,
  motionNumbers,
} from './figures';
import { LatentErrors } from './LatentErrors';
import './metrics.css';

export function MetricsPanel() {
  const shown = useStudio((state) => state.comparison);
  const current = useStudio(isComparisonCurrent);
  const stands = !shown ? 'empty' : current ? 'done' : shown.step < shown.steps ? 'preview' : 'stale';
  return (
    <section className="metrics" aria-label="Metrics" data-standing={stands} data-testid="metrics">
      <header className="metrics-head">
        <h2 className="title">Student against teacher</h2>
        {stands === 'preview' && <span className="pill">preview, step {shown!.step}</span>}
        {stands === 'stale' && <span className="pill warn">stale</span>}
        <LatentErrors />
        <SplitBar comparison={shown?.value ?? null} />
        <button
          type="button"
          className="button quiet small"
          disabled={!shown}
          onClick={saveCsv}
          data-testid="metrics-csv"
        >
          <Icon name="download" size={13} /> CSV
        </button>
      </header>
      <div className="metric-groups">
        <div className="metric-group" role="group" aria-label="Content, per frame">
          <h3>
            Content <span>per frame</span>
          </h3>
          <div className="numbers">
            <Number figure={contentError} comparison={shown?.value ?? null} />
          </div>
          <div className="cards one">
            {contentCharts.map((figure) => (
              <Card key={figure.id} figure={figure} comparison={shown?.value ?? null} />
            ))}
          </div>
        </div>
        <div className="metric-group motion" role="group" aria-label="Motion, across frames">
          <h3>
            Motion <span>across frames</span>
          </h3>
          <div className="numbers">
            {motionNumbers.map((figure) => (
              <Number key={figure.id} figure={figure} comparison={shown?.value ?? null} />
            ))}
          </div>
          <div className="cards two">
            {motionCharts.map((figure) => (
              <Card key={figure.id} figure={figure} comparison={shown?.value ?? null} />
            ))}
          </div>
        </div>
      </div>
    </section>
  );
}

/** How the squared error splits into content and motion; the two add up exactly. */
function SplitBar({ comparison }: { readonly comparison: ClipComparison | null }) {
  const share = comparison ? contentShare(comparison) : null;
  return (
    <div
      className="split"
      data-testid="error-split"
      title="Squared error of the clip: content (the same in every frame) and motion (what changes over time) add up exactly"
    >
      <span className="split-content">content {share === null ? '–' : asShare(share)}</span>
      <span
        className="split-bar"
        style={{ '--share': share ?? 0.5 } as CSSProperties}
        data-empty={share === null || undefined}
      >
        <i />
        <i />
      </span>
      <span className="split-motion">{share === null ? '–' : asShare(1 - share)} motion</span>
    </div>
  );
}

interface FigureProps<T> {
  readonly figure: T;
  readonly comparison: ClipComparison | null;
}

function Value({ figure, comparison }: FigureProps<Figure>) {
  const raw = comparison ? figure.raw(comparison) : null;
  const text = comparison ? figure.value(comparison) : '–';
  return (
    <span className="value" data-testid={`metric-${figure.id}`} data-value={raw ?? undefined}>
      {text}
      {comparison && figure.unit !== '' && text !== 'identical' && text !== 'n/a' && <small>{figure.unit}</small>}
    </span>
  );
}

function Number({ figure, comparison }: FigureProps<Figure>) {
  return (
    <div className="number" title={figure.about}>
      <span className="number-name">{figure.name}</span>
      <Value figure={figure} comparison={comparison} />
      <span className="hint">{figure.hint}</span>
    </div>
  );
}

function Card({ figure, comparison }: FigureProps<ChartFigure>) {
  return (
    <div className="card">
      <div className="card-head" title={figure.about}>
        <span className="number-name">{figure.name}</span>
        <Value figure={figure} comparison={comparison} />
        {comparison ? (
          <AtPlayhead figure={figure} comparison={comparison} />
        ) : (
          <span className="hint">{figure.hint}</span>
        )}
      </div>
      {comparison ? (
        <FrameChart figure={figure} comparison={comparison} frames={comparison.content.psnrPerFrame.length} />
      ) : (
        <div className="chart chart-empty" />
      )}
    </div>
  );
}

/** The values at the frame on screen. */
function AtPlayhead({ figure, comparison }: { readonly figure: ChartFigure; readonly comparison: ClipComparison }) {
  const frame = useStudio((state) => state.player.frame);
  const values = figure.series.map(({ look, values: of }) => ({ look, value: of(comparison)[frame] }));
  return (
    <span className="at-playhead" aria-hidden="true">
      {values.map(({ look, value }) => (
        <span key={look} className={look}>
          {value === undefined ? '' : figure.format(value)}
        </span>
      ))}
    </span>
  );
}

function saveCsv(): void {
  const { comparison, open } = read();
  if (!comparison) return;
  const name = `${open?.description.name ?? 'clip'}-seed${comparison.settings.seed}-metrics.csv`;
  download(name, new Blob([metricsCsv(comparison.value)], { type: 'text/csv' }));
}
