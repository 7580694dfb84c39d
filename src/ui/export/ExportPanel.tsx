/** Taking the student away: format, verified export with its numbers, downloads, and the plan as JSON. */
import { useRef } from 'react';
import { samePlan } from '../../blocks/plan';
import type { ExportFormat, ExportProgress, ExportVerification, PickedPlace } from '../../worker/protocol';
import { formatBytes, formatMacs, formatParameters, formatPercent, formatTiny, significant } from '../format';
import { Dialog } from '../parts/Dialog';
import { Icon } from '../parts/Icon';
import { describeCut } from '../plan/cut';
import { ProblemPanel } from '../shell/ProblemPanel';
import { exportPhases } from '../shell/phases';
import { importPlan } from '../store/edit';
import { cancelExport, downloadExported, exportPlan, exportToPlace, setExportFormat } from '../store/exporting';
import { canPickPlace } from '../store/pickPlace';
import { savePlan } from '../store/saving';
import { showPanel } from '../store/settings';
import { copyLink } from '../store/sharing';
import { type Exported, studentTotals, useStudio } from '../store/state';
import './export.css';

const formats: readonly { readonly value: ExportFormat; readonly name: string; readonly about: string }[] = [
  { value: 'onnx', name: 'One .onnx file', about: 'Graph and weights together; up to 2 GB.' },
  { value: 'onnx-external', name: '.onnx with external data', about: 'Graph and weights apart; any size.' },
  { value: 'pipeline-zip', name: 'Whole pipeline, zipped', about: 'The folder with the pruned denoiser in place.' },
];

export function ExportPanel() {
  const shown = useStudio((state) => state.panel === 'export' && state.open !== null);
  return shown ? <ExportDialog /> : null;
}

function ExportDialog() {
  const format = useStudio((state) => state.exportFormat);
  const exporting = useStudio((state) => state.exporting);
  const exported = useStudio((state) => state.exported);
  const current = useStudio(
    (state) =>
      state.exported !== null &&
      samePlan(state.exported.plan, state.plan) &&
      state.exported.format === state.exportFormat,
  );
  return (
    <Dialog title="Export the student" onClose={() => showPanel('none')} testId="export-panel">
      <ProblemPanel inDialog />
      <Summary />
      <fieldset className="formats" disabled={exporting !== null}>
        <legend className="visually-hidden">Format</legend>
        {formats.map(({ value, name, about }) => (
          <label key={value} className="format">
            <input
              type="radio"
              name="format"
              value={value}
              checked={format === value}
              onChange={() => setExportFormat(value)}
              data-testid={`format-${value}`}
            />
            <span>
              <b>{name}</b>
              <span className="faint">{about}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {exporting !== null ? (
        <Progress progress={exporting.progress} place={exporting.place} format={format} />
      ) : (
        <Ways format={format} current={current} />
      )}
      {exported && exporting === null && <Result exported={exported} current={current} />}
      <PlanLine />
    </Dialog>
  );
}

function Summary() {
  const teacher = useStudio((state) => state.open!.tree.totals);
  const student = useStudio(studentTotals);
  const count = useStudio((state) => state.plan.dropped.length);
  const cut = useStudio((state) => describeCut(state.open!.tree, state.plan));
  const canRun = useStudio((state) => state.open!.cannotRun === undefined);
  return (
    <p className="dim">
      {count === 0
        ? 'Nothing is dropped: the export is the teacher itself. '
        : `${cut} dropped${student ? ': ' : '. '}`}
      {student && count > 0 && (
        <>
          <b>{formatParameters(student.parameters)}</b> parameters (
          {formatPercent(student.parameters / Math.max(1, teacher.parameters))} of the teacher),{' '}
          <b>{formatMacs(student.macs)}</b> MACs ({formatPercent(student.macs / Math.max(1, teacher.macs))}).{' '}
        </>
      )}
      {canRun
        ? 'The file is loaded afresh and compared with the preview before it is offered.'
        : 'The model does not run in this tab, so the file is written without that check.'}
    </p>
  );
}

/** Above this, an export goes where the person wants it; a download would store it twice. */
const LARGE_BYTES = 256e6;

function Ways({ format, current }: { readonly format: ExportFormat; readonly current: boolean }) {
  const large = useStudio((state) => (studentTotals(state) ?? state.open!.tree.totals).bytes >= LARGE_BYTES);
  const pick = canPickPlace();
  const primary = (first: boolean) => `button ${first && !current ? 'primary' : ''}`;
  const asDownload = (
    <button
      type="button"
      className={primary(!pick || !large)}
      onClick={() => void exportPlan()}
      data-testid="export-run"
    >
      {pick ? 'Export, then download' : current ? 'Export again' : 'Export and verify'}
    </button>
  );
  const save = pick && (
    <button type="button" className={primary(large)} onClick={() => void exportToPlace()} data-testid="export-save">
      {format === 'onnx-external' ? 'Save to a folder…' : 'Save as…'}
    </button>
  );
  return (
    <div className="export-ways">
      {large && save}
      {asDownload}
      {!large && save}
    </div>
  );
}

/** The phases that this export goes through. */
function usePhases(format: ExportFormat, place: PickedPlace | null): typeof exportPhases {
  const canRun = useStudio((state) => state.open!.cannotRun === undefined);
  const used: Readonly<Record<ExportProgress['phase'], boolean>> = {
    prune: true,
    write: format === 'onnx-external' && place !== null,
    reload: canRun,
    verify: canRun,
    pack: format === 'pipeline-zip',
    save: place !== null,
  };
  return exportPhases.filter(({ phase }) => used[phase]);
}

function PlaceName({ place }: { readonly place: PickedPlace }) {
  return (
    <>
      {place.kind === 'folder' && 'the folder '}
      <b>{place.handle.name}</b>
    </>
  );
}

interface ProgressProps {
  readonly progress: ExportProgress | 'starting';
  readonly place: PickedPlace | null;
  readonly format: ExportFormat;
}

function Progress({ progress, place, format }: ProgressProps) {
  const phases = usePhases(format, place);
  const at = progress === 'starting' ? -1 : phases.findIndex(({ phase }) => phase === progress.phase);
  const share = progress !== 'starting' && progress.totalBytes > 0 ? progress.loadedBytes / progress.totalBytes : null;
  const bytes =
    progress !== 'starting' && progress.totalBytes > 0
      ? `${formatBytes(progress.loadedBytes)} of ${formatBytes(progress.totalBytes)}`
      : null;
  return (
    <div
      className="export-progress"
      role="status"
      data-testid="export-progress"
      data-phase={progress === 'starting' ? 'starting' : progress.phase}
    >
      <ol>
        {phases.map(({ phase, name }, i) => (
          <li key={phase} data-state={i < at ? 'done' : i === at ? 'now' : 'next'}>
            {i < at ? <Icon name="check" size={12} /> : <span className="dot" />} {name}
          </li>
        ))}
      </ol>
      <div className={`progress ${share === null ? 'unknown' : ''}`}>
        <span style={share === null ? undefined : { transform: `scaleX(${Math.min(1, share)})` }} />
      </div>
      <div className="export-bytes">
        <span className="faint" data-testid="export-place">
          {place && (
            <>
              Going to <PlaceName place={place} />
              {bytes !== null && ', '}
            </>
          )}
          {bytes}
        </span>
        <button type="button" className="button small" onClick={cancelExport} data-testid="cancel-export">
          Cancel
        </button>
      </div>
    </div>
  );
}

function Result({ exported, current }: { readonly exported: Exported; readonly current: boolean }) {
  const { result, place, format } = exported;
  const { verification, unverified, fileBytes, teacherFileBytes } = result;
  const saved = teacherFileBytes - fileBytes;
  return (
    <section
      className={`result ${verification ? '' : 'not-compared'}`}
      aria-label="Export result"
      data-testid="export-result"
      data-current={current}
    >
      <p className="result-title">
        {verification ? (
          <>
            <Icon name="check" size={15} /> Verified: the exported file reproduces the preview
          </>
        ) : (
          `${place ? 'Written' : 'Ready'}, not compared: the model itself does not run here`
        )}
        {!current && <span className="pill warn">of an earlier plan or format</span>}
      </p>
      {unverified !== undefined && <p className="faint unverified">{unverified}</p>}
      <dl>
        {verification && <VerificationLines verification={verification} />}
        <Line
          name="Denoiser file"
          about={`teacher ${formatBytes(teacherFileBytes)}`}
          value={formatBytes(fileBytes)}
          testId="export-file-bytes"
          raw={fileBytes}
        />
        <Line
          name="Smaller by"
          about={formatPercent(saved / Math.max(1, teacherFileBytes))}
          value={formatBytes(saved)}
          testId="export-saved-bytes"
          raw={saved}
        />
      </dl>
      {place && <Saved place={place} names={result.files.map(({ name }) => name)} />}
      {!place && format !== 'onnx' && (
        <p className="faint read-later">
          Downloading reads from the opened files: leave them unchanged until it is done.
        </p>
      )}
      <div className="downloads">
        {!place &&
          result.files.map((file) => (
            <button
              key={file.name}
              type="button"
              className="button primary"
              onClick={() => void downloadExported(file)}
              data-testid="export-download"
              data-file-name={file.name}
            >
              <Icon name="download" size={14} /> <span className="truncate">{file.name}</span>{' '}
              <span className="download-size">{formatBytes(file.blob.size)}</span>
            </button>
          ))}
        <button type="button" className="button" onClick={() => savePlan(exported.plan)} data-testid="plan-download">
          <Icon name="download" size={14} /> Plan as JSON
        </button>
      </div>
    </section>
  );
}

function Saved({ place, names }: { readonly place: PickedPlace; readonly names: readonly string[] }) {
  return (
    <p className="saved" data-testid="export-saved">
      <Icon name="check" size={14} />
      <span>
        Saved to <PlaceName place={place} />
      </span>
      {place.kind === 'folder' && <span className="saved-names">{names.join(', ')}</span>}
    </p>
  );
}

function VerificationLines({ verification }: { readonly verification: ExportVerification }) {
  return (
    <>
      <Line
        name="Largest difference"
        about="over one denoiser output, exported file against preview"
        value={formatTiny(verification.maxDifference)}
        testId="export-max-difference"
        raw={verification.maxDifference}
      />
      <Line
        name="Mean difference"
        about=""
        value={formatTiny(verification.meanDifference)}
        testId="export-mean-difference"
        raw={verification.meanDifference}
      />
      <Line
        name="Effect of the cut"
        about={`largest |student − teacher| on the same input: ${timesAs(verification)}`}
        value={formatTiny(verification.cutEffect)}
        testId="export-cut-effect"
        raw={verification.cutEffect}
      />
      <Line
        name="Checked on"
        about=""
        value={verification.backend === 'webgpu' ? 'WebGPU' : 'WASM'}
        testId="export-backend"
      />
    </>
  );
}

/** A scale for the effect of the cut: next to what the export itself differs by. */
function timesAs({ cutEffect, maxDifference }: ExportVerification): string {
  if (cutEffect === 0) return 'none';
  if (maxDifference === 0) return 'the export differs by nothing';
  return `${significant(cutEffect / maxDifference, 2)} times what the export differs by`;
}

interface LineProps {
  readonly name: string;
  readonly about: string;
  readonly value: string;
  readonly testId: string;
  readonly raw?: number;
}

function Line({ name, about, value, testId, raw }: LineProps) {
  return (
    <div>
      <dt>
        {name} {about !== '' && <span className="faint">{about}</span>}
      </dt>
      <dd data-testid={testId} data-value={raw}>
        {value}
      </dd>
    </div>
  );
}

function PlanLine() {
  const input = useRef<HTMLInputElement>(null);
  return (
    <div className="plan-line">
      <span className="dim">This page’s address has the plan and all settings in it.</span>
      <button type="button" className="button quiet small" onClick={() => void copyLink()}>
        <Icon name="link" size={13} /> Copy link
      </button>
      <button type="button" className="button quiet small" onClick={() => savePlan()} data-testid="plan-save">
        <Icon name="download" size={13} /> Save the plan
      </button>
      <button type="button" className="button quiet small" onClick={() => input.current!.click()}>
        <Icon name="file" size={13} /> Import a plan
      </button>
      <input
        ref={input}
        type="file"
        hidden
        accept=".json,application/json"
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file) void importPlan(file);
          event.target.value = '';
        }}
        data-testid="plan-input"
      />
    </div>
  );
}
