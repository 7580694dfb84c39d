/**
 * Many prompts and seeds: mean and spread of each figure, then the takes with the worst first; a click opens a take in
 * the viewer. With a second student beside, both are measured, and which of them was nearer how often.
 */

import { useMemo, useState } from 'react';
import { useShallow } from 'zustand/react/shallow';
import { present } from '../../errors/present';
import { type FigureName, spreadOf, worstFirst } from '../../metrics/clipFigures';
import { shareInterval } from '../../metrics/shareInterval';
import { formatPercent, significant } from '../format';
import { Icon } from '../parts/Icon';
import { NumberField } from '../parts/NumberField';
import { timeLeft } from '../planning/timeLeft';
import { featureLines, shownDistances, useFeatures } from '../store/features';
import {
  type GridAsked,
  type GridRow,
  mostSeeds,
  openTake,
  pauseGrid,
  promptsShown,
  rowsOf,
  saveGridCsv,
  setAllPictures,
  setGridPrompts,
  setSeedCount,
  startGrid,
  stopGrid,
  takesOf,
  useGrid,
} from '../store/grid';
import { exampleUrls } from '../store/pictures';
import { useStudio } from '../store/state';
import { FeatureDistances } from './FeatureDistances';
import './shelf.css';

interface Column {
  readonly name: FigureName;
  readonly label: string;
  readonly format: (value: number) => string;
}

const levels = (squares: number) => significant(Math.sqrt(squares));
const columns: readonly Column[] = [
  { name: 'psnr', label: 'PSNR, dB', format: (value) => (value === Infinity ? 'identical' : value.toFixed(1)) },
  { name: 'ssim', label: 'SSIM', format: (value) => value.toFixed(3) },
  { name: 'errorContent', label: 'Content error', format: levels },
  { name: 'errorMotion', label: 'Motion error', format: levels },
  { name: 'motionDelta', label: 'Motion delta', format: (value) => significant(value) },
];

export function GridPanel() {
  const state = useStudio(
    useShallow(({ open, settings, plan, weights, second }): GridAsked => ({ open, settings, plan, weights, second })),
  );
  const grid = useGrid();
  const rows = useMemo(() => rowsOf(state, grid), [state, grid]);
  const wanted = useMemo(() => takesOf(state, grid).length, [state, grid]);
  const ready = state.open !== null && state.open.cannotRun === undefined;
  // prompts of a model that begins with a picture and takes no text would only make the same clips again
  const takesText = !state.open?.description.image || state.open.description.textEncoder !== undefined;
  const input = state.open?.description.image;
  const pictureCount = state.open && input ? exampleUrls(input, state.open.folder).length : 0;
  return (
    <section className="grid-panel" aria-label="Many prompts and seeds" data-testid="grid-panel">
      <div className="grid-head">
        <p className="dim">
          One clip shows little: the same cut {takesText ? 'on every prompt with every seed' : 'with many seeds'}
          {pictureCount > 1 ? ' and every picture' : ''}, in the background. The worst comes first.
        </p>
      </div>
      <div className="grid-form">
        {takesText && (
          <label className="grid-prompts">
            <span>Prompts, one a line</span>
            <textarea
              className="field"
              value={promptsShown(state, grid.prompts)}
              disabled={grid.running !== null}
              onChange={(event) => setGridPrompts(event.target.value)}
              data-testid="grid-prompts"
            />
          </label>
        )}
        {pictureCount > 1 && (
          <label className="grid-pictures">
            <input
              type="checkbox"
              checked={grid.pictures.length > 0}
              disabled={grid.running !== null}
              onChange={(event) => void setAllPictures(event.target.checked)}
              data-testid="grid-pictures"
            />
            Each of the {pictureCount} pictures
          </label>
        )}
        <NumberField
          label={takesText ? 'Seeds each' : 'Seeds'}
          value={grid.seedCount}
          min={1}
          max={mostSeeds}
          whole
          width={64}
          onCommit={setSeedCount}
          testId="grid-seeds"
        />
        <Controls ready={ready} wanted={wanted} known={rows.length} />
      </div>
      <FeatureDistances asked={state} wanted={wanted} />
      {rows.length > 0 && <Results rows={rows} asked={state} />}
    </section>
  );
}

function Controls({
  ready,
  wanted,
  known,
}: {
  readonly ready: boolean;
  readonly wanted: number;
  readonly known: number;
}) {
  const running = useGrid((state) => state.running);
  if (!running)
    return (
      <button
        type="button"
        className="button"
        disabled={!ready || known === wanted}
        onClick={() => void startGrid()}
        data-testid="grid-start"
      >
        {known === wanted
          ? `All ${wanted} measured`
          : known > 0
            ? `Measure ${wanted - known} more`
            : `Measure ${wanted} takes`}
      </button>
    );
  const { done, of, paused, startedMs } = running;
  return (
    <>
      <span data-testid="grid-progress">
        {done} of {of}
        {paused ? ', paused' : timeLeft(done, of, performance.now() - startedMs)}
      </span>
      <button type="button" className="button" onClick={() => pauseGrid(!paused)} data-testid="grid-pause">
        {paused ? 'Go on' : 'Pause'}
      </button>
      <button type="button" className="button" onClick={stopGrid} data-testid="grid-stop">
        Stop
      </button>
    </>
  );
}

function Results({ rows, asked }: { readonly rows: readonly GridRow[]; readonly asked: GridAsked }) {
  const [by, setBy] = useState<FigureName>('psnr');
  const two = present(rows[0]).figures.length > 1;
  const names = two ? ['A', 'B'] : ['Student'];
  // with two students a take is as bad as the edited one makes it
  const order = worstFirst(
    rows.map(({ figures }) => present(figures[0])),
    by,
  );
  return (
    <>
      {two && <Nearer rows={rows} />}
      <div className="grid-table">
        <table aria-label="Each figure over all takes" data-testid="grid-summary">
          <caption>
            Over {rows.length} takes: mean ± standard deviation, and the worst. Errors in 8-bit levels.
            <button
              type="button"
              className="button quiet small"
              onClick={() => {
                const distances = shownDistances(asked, useGrid.getState(), useFeatures.getState());
                const sorted = order.map((index) => present(rows[index]));
                void saveGridCsv(sorted, (students) => featureLines(distances, students));
              }}
              data-testid="grid-csv"
            >
              <Icon name="download" size={13} /> CSV
            </button>
          </caption>
          <Head first="Against the teacher" />
          <tbody>
            {names.map((name, student) => (
              <tr key={name}>
                <th scope="row" className={student === 1 ? 'second' : 'student'}>
                  {name}
                </th>
                {columns.map((column) => (
                  <Summary key={column.name} column={column} rows={rows} student={student} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="grid-table">
        <table aria-label="Takes, the worst first" data-testid="grid-takes">
          <caption>
            <label>
              Worst first by{' '}
              <select
                className="field"
                value={by}
                onChange={(event) => setBy(event.target.value as FigureName)}
                data-testid="grid-by"
              >
                {columns.map(({ name, label }) => (
                  <option key={name} value={name}>
                    {label}
                  </option>
                ))}
              </select>
            </label>
          </caption>
          <Head first="Take" seed />
          <tbody>
            {order.map((index) => (
              <Take key={index} row={present(rows[index])} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Head({ first, seed = false }: { readonly first: string; readonly seed?: boolean }) {
  return (
    <thead>
      <tr>
        <th scope="col">{first}</th>
        {seed && <th scope="col">Seed</th>}
        {columns.map(({ name, label }) => (
          <th key={name} scope="col">
            {label}
          </th>
        ))}
        {seed && (
          <th scope="col">
            <span className="visually-hidden">Open</span>
          </th>
        )}
      </tr>
    </thead>
  );
}

interface SummaryProps {
  readonly column: Column;
  readonly rows: readonly GridRow[];
  readonly student: number;
}

function Summary({ column: { name, format }, rows, student }: SummaryProps) {
  const clips = rows.map(({ figures }) => present(figures[student]));
  const spread = spreadOf(clips, name);
  const squares = name === 'errorContent' || name === 'errorMotion';
  if (!spread) return <td>{clips.every(({ psnr }) => psnr === Infinity) && name === 'psnr' ? 'identical' : 'n/a'}</td>;
  // errors are shown as roots, so their spread is that of the roots
  const shown = squares
    ? present(
        spreadOf(
          clips.map((clip) => ({ ...clip, [name]: Math.sqrt(present(clip[name])) })),
          name,
        ),
      )
    : spread;
  const text = squares ? significant : format;
  return (
    <td data-value={spread.mean} data-worst={spread.worst}>
      {text(shown.mean)} ± {significant(shown.standardDeviation, 2)}
      <span className="faint"> · {text(shown.worst)}</span>
    </td>
  );
}

function Take({ row: { settings, figures } }: { readonly row: GridRow }) {
  const here = useStudio(
    ({ settings: { prompt, seed, image } }) =>
      prompt === settings.prompt && seed === settings.seed && image?.key === settings.image?.key,
  );
  const pictureName = settings.image?.name?.replace(/^.*\//, '').replace(/\.\w+$/, '');
  const name = [settings.prompt, pictureName].filter((part) => part).join(' · ') || 'no prompt';
  return (
    <tr data-testid="grid-take" data-psnr={present(figures[0]).psnr} data-seed={settings.seed}>
      <th scope="row" title={settings.prompt}>
        {name}
      </th>
      <td>{settings.seed}</td>
      {columns.map(({ name, format }) => (
        <td key={name}>
          {figures.map((one, student) => (
            <span
              key={student === 0 ? 'a' : 'b'}
              className={figures.length === 1 ? '' : student === 1 ? 'second' : 'student'}
            >
              {student > 0 && ' · '}
              {one[name] === null ? 'n/a' : format(one[name])}
            </span>
          ))}
        </td>
      ))}
      <td>
        <button
          type="button"
          className="button small"
          aria-pressed={here}
          aria-label={`Open “${name}”, seed ${settings.seed}`}
          onClick={() => openTake(settings)}
          data-testid="grid-open"
        >
          Open
        </button>
      </td>
    </tr>
  );
}

/** How often B was nearer to the teacher, with the interval that so few takes leave. */
function Nearer({ rows }: { readonly rows: readonly GridRow[] }) {
  const decided = rows.filter(({ figures: [a, b] }) => present(a).meanSquaredError !== present(b).meanSquaredError);
  const wins = decided.filter(
    ({ figures: [a, b] }) => present(b).meanSquaredError < present(a).meanSquaredError,
  ).length;
  const [low, high] = shareInterval(wins, decided.length);
  return (
    <p className="grid-line" data-testid="grid-nearer">
      B was nearer to the teacher in <b>{wins}</b> of {decided.length} takes
      {decided.length > 0 && ` (95 % interval ${formatPercent(low)} to ${formatPercent(high)})`}.
    </p>
  );
}
