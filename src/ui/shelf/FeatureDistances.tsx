/**
 * The batch by a feature model of the person: the button that takes it, and the distance of each student's set of clips
 * from the teacher's. Every number stands under the model's name: by another it would be another.
 */
import { type ChangeEvent, useMemo, useRef } from 'react';
import { FEWEST_CLIPS } from '../../metrics/frechetDistance';
import { type FeatureDistances as Distances, type FeatureRange, featureRanges } from '../../worker/protocol';
import { formatTiny } from '../format';
import { readPicked } from '../open/readDropped';
import { Explain } from '../parts/Explain';
import {
  giveFeatureModel,
  measureFeatures,
  setFeatureRange,
  shownDistances,
  stopFeatures,
  useFeatures,
} from '../store/features';
import { type GridAsked, useGrid } from '../store/grid';

const ABOUT = `An ONNX model of clips, [clips, frames, 3, rows, columns] (or colours first or last) to “features”, read where it is. The batch’s clips of the teacher and of each student are made again and compared as sets: FVD from ${FEWEST_CLIPS} clips of each side on, MMD with KID’s kernel from 4 on. Numbers by different models do not compare. Scores by VBench’s formulas, which need no model, are among All figures of the two clips on screen.`;

export function FeatureDistances({ asked, wanted }: { readonly asked: GridAsked; readonly wanted: number }) {
  const input = useRef<HTMLInputElement>(null);
  const { model, measured } = useFeatures();
  const { prompts, seedCount, pictures } = useGrid();
  const distances = useMemo(
    () => shownDistances(asked, { prompts, seedCount, pictures }, { model, measured }),
    [asked, prompts, seedCount, pictures, model, measured],
  );
  const onPick = (event: ChangeEvent<HTMLInputElement>) => {
    const { files } = event.target;
    if (files && files.length > 0) giveFeatureModel(readPicked(files));
    event.target.value = ''; // the same file again is a choice too
  };
  const ready = asked.open !== null && asked.open.cannotRun === undefined;
  return (
    <div className="feature-model" role="group" aria-label="Feature model" data-testid="features">
      <div className="feature-line">
        <Explain about={ABOUT}>FVD and MMD</Explain>
        <button
          type="button"
          className="button small"
          onClick={() => input.current?.click()}
          data-testid="features-choose"
        >
          {model ? 'Other model…' : 'Feature model…'}
        </button>
        <input ref={input} type="file" hidden multiple onChange={onPick} data-testid="features-input" />
        {model && <Chosen path={model.path} range={model.range} ready={ready} wanted={wanted} />}
      </div>
      {distances && <Found distances={distances} />}
    </div>
  );
}

interface ChosenProps {
  readonly path: string;
  readonly range: FeatureRange;
  readonly ready: boolean;
  readonly wanted: number;
}

function Chosen({ path, range, ready, wanted }: ChosenProps) {
  const running = useFeatures((state) => state.running);
  const batchRuns = useGrid((state) => state.running !== null);
  return (
    <>
      <b className="feature-name" title={path}>
        {path}
      </b>
      <label className="dim">
        Black and white are{' '}
        <select
          className="field"
          value={range}
          disabled={running !== null}
          onChange={(event) => setFeatureRange(event.target.value as FeatureRange)}
          data-testid="features-range"
        >
          {featureRanges.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </label>
      {running ? (
        <>
          <span role="status" data-testid="features-progress">
            {running.done === 0 && batchRuns ? 'after the batch' : `${running.done} of ${running.of}`}
          </span>
          <button type="button" className="button small" onClick={stopFeatures} data-testid="features-stop">
            Stop
          </button>
        </>
      ) : (
        <button
          type="button"
          className="button small"
          disabled={!ready}
          onClick={() => void measureFeatures()}
          data-testid="features-start"
        >
          Compare {wanted} {wanted === 1 ? 'take' : 'takes'} by it
        </button>
      )}
    </>
  );
}

function Found({ distances: { model, about, clips, featureLength, pairs } }: { readonly distances: Distances }) {
  const [first] = pairs;
  return (
    <>
      <div className="grid-table">
        <table data-testid="features-found">
          <caption>
            By the {featureLength} features of {model} ({about}), {clips} clips of each side.
          </caption>
          <thead>
            <tr>
              <th scope="col">Against the teacher</th>
              <th scope="col">FVD</th>
              <th scope="col">MMD</th>
              <th scope="col">MMD of halves, mean ± deviation</th>
            </tr>
          </thead>
          <tbody>
            {pairs.map(({ candidate, frechet, mmd }) => (
              <tr key={candidate}>
                <th scope="row" className={candidate === 2 ? 'second' : 'student'}>
                  {pairs.length === 1 ? 'Student' : candidate === 2 ? 'B' : 'A'}
                </th>
                <td data-testid="features-fvd">{frechet === null ? 'refused' : formatTiny(frechet)}</td>
                <td data-testid="features-mmd" data-value={mmd?.value}>
                  {mmd ? formatTiny(mmd.value) : 'refused'}
                </td>
                <td>
                  {mmd && `${formatTiny(mmd.subsets.mean)} ± ${formatTiny(mmd.subsets.standardDeviation)}`}
                  {mmd && <span className="faint">{` · ${mmd.subsets.count} draws of ${mmd.subsets.size}`}</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {first?.refused !== undefined && (
        <p className="grid-line" data-testid="features-refused">
          {first.refused}
          {first.mmd === null && ' MMD needs at least 4.'}
        </p>
      )}
    </>
  );
}
