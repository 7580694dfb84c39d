/**
 * The comparison of the two clips: the verdict first, then the figures that it rests on; all figures and their charts
 * on demand, content of each frame and motion across frames apart.
 */

import type { CSSProperties } from 'react';
import { present } from '../../errors/present';
import type { ClipComparison } from '../../metrics/Clip';
import { Explain } from '../parts/Explain';
import { Icon } from '../parts/Icon';
import { ReportButton } from '../report/ReportButton';
import { comparisonStanding } from '../store/derived';
import { usePage, writePage } from '../store/page';
import { saveMetricsCsv } from '../store/saving';
import { useStudio } from '../store/state';
import { ClipScores } from './ClipScores';
import { FrameChart } from './FrameChart';
import {
  asShare,
  type ChartFigure,
  contentCharts,
  contentShare,
  type Figure,
  keyFigures,
  motionCharts,
  onlyInDetails,
} from './figures';
import { LatentErrors } from './LatentErrors';
import { PerceivedFigure } from './PerceivedFigure';
import { StudentsTable } from './StudentsTable';
import { VerdictLine } from './VerdictLine';
import './metrics.css';

export function MetricsPanel() {
  const shown = useStudio((state) => state.comparison);
  const stands = useStudio(comparisonStanding);
  const detailed = usePage((state) => state.detailsShown);
  const dropped = useStudio((state) => state.plan.dropped.length > 0);
  const three = useStudio((state) => state.second !== null);
  const comparison = shown?.value ?? null;
  return (
    <section className="metrics" aria-label="Student against teacher" data-standing={stands} data-testid="metrics">
      <header className="metrics-head">
        <VerdictLine />
        {stands === 'preview' && <span className="pill">preview, step {present(shown).step}</span>}
        {stands === 'stale' && <span className="pill warn">stale</span>}
        <div className="metrics-actions">
          <button
            type="button"
            className="button quiet small"
            aria-expanded={detailed}
            onClick={() => writePage({ detailsShown: !detailed })}
            data-testid="metrics-details"
          >
            {detailed ? 'Fewer figures' : 'All figures'} <Icon name={detailed ? 'up' : 'down'} size={13} />
          </button>
          <button
            type="button"
            className="button quiet small"
            disabled={!shown}
            onClick={saveMetricsCsv}
            data-testid="metrics-csv"
          >
            <Icon name="download" size={13} /> CSV
          </button>
          <ReportButton />
        </div>
      </header>
      {three && <StudentsTable />}
      <div className="numbers" hidden={three ? !detailed : !dropped && !detailed}>
        {keyFigures.map((figure) => (
          <Number key={figure.id} figure={figure} comparison={comparison} />
        ))}
        <PerceivedFigure />
        {detailed && onlyInDetails.map((figure) => <Number key={figure.id} figure={figure} comparison={comparison} />)}
      </div>
      {detailed && <Charts comparison={comparison} />}
    </section>
  );
}

function Charts({ comparison }: { readonly comparison: ClipComparison | null }) {
  return (
    <>
      <div className="metrics-parts">
        <SplitBar comparison={comparison} />
        <LatentErrors />
        <ClipScores />
      </div>
      <div className="metric-groups">
        <div className="metric-group content" role="group" aria-label="Content, per frame">
          <h3>
            Content <span>per frame</span>
          </h3>
          <div className="cards">
            {contentCharts.map((figure) => (
              <Card key={figure.id} figure={figure} comparison={comparison} />
            ))}
          </div>
        </div>
        <div className="metric-group motion" role="group" aria-label="Motion, across frames">
          <h3>
            Motion <span>across frames</span>
          </h3>
          <div className="cards">
            {motionCharts.map((figure) => (
              <Card key={figure.id} figure={figure} comparison={comparison} />
            ))}
          </div>
        </div>
      </div>
    </>
  );
}

/** How the squared error splits into content and motion; the two add up exactly. */
function SplitBar({ comparison }: { readonly comparison: ClipComparison | null }) {
  const share = comparison ? contentShare(comparison) : null;
  return (
    <div className="split" data-testid="error-split">
      <Explain about="The squared error of the clip: content (the same in every frame) and motion (what changes over time) add up to it exactly.">
        Where the error is
      </Explain>
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

function Number({ figure, comparison }: FigureProps<Figure>) {
  const raw = comparison ? figure.raw(comparison) : null;
  const text = comparison ? figure.value(comparison) : '–';
  return (
    <div className="number">
      <Explain className="number-name" about={figure.about}>
        {figure.name}
      </Explain>
      <span className="value" data-testid={`metric-${figure.id}`} data-value={raw ?? undefined}>
        {text}
        {comparison && figure.unit !== '' && text !== 'identical' && text !== 'n/a' && <small>{figure.unit}</small>}
      </span>
      <span className="hint">{figure.hint}</span>
    </div>
  );
}

function Card({ figure, comparison }: FigureProps<ChartFigure>) {
  return (
    <div className="card">
      <div className="card-head">
        <span className="card-name">
          {figure.name}
          {figure.unit !== '' && <small> {figure.unit}</small>}
        </span>
        {comparison && <AtPlayhead figure={figure} comparison={comparison} />}
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
