/** Taking the student away: format, verified export with its numbers, downloads, and the plan as JSON. */

import { useRef } from 'react';
import type { ComponentId } from '../../blocks/plan';
import { present } from '../../errors/present';
import type { ExportFormat, ExportProgress, PickedPlace } from '../../worker/protocol';
import { formatBytes, formatMacs, formatParameters, formatPercent } from '../format';
import { Dialog } from '../parts/Dialog';
import { Icon } from '../parts/Icon';
import { Segmented } from '../parts/Segmented';
import { describeCut } from '../plan/cut';
import { ProblemPanel } from '../shell/ProblemPanel';
import { exportPhases } from '../shell/phases';
import { importPlan } from '../store/edit';
import {
  cancelExport,
  exportedComponent,
  exportPlan,
  exportToPlace,
  setExportComponent,
  setExportFormat,
} from '../store/exporting';
import { sameStudent } from '../store/healed';
import { planTreeOf } from '../store/mapped';
import { canPickPlace } from '../store/pickPlace';
import { savePlan } from '../store/saving';
import { showPanel } from '../store/settings';
import { copyLink } from '../store/sharing';
import { decoderTotals, studentTotals, useStudio } from '../store/state';
import { PlaceName, Result } from './ExportResult';
import './export.css';

const formats: readonly { readonly value: ExportFormat; readonly name: string; readonly about: string }[] = [
  { value: 'onnx', name: 'One .onnx file', about: 'Graph and weights together; up to 2 GB.' },
  { value: 'onnx-external', name: '.onnx with external data', about: 'Graph and weights apart; any size.' },
  { value: 'pipeline-zip', name: 'Whole pipeline, zipped', about: 'The folder with the pruned graphs in place.' },
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
      sameStudent(state.exported, state) &&
      state.exported.format === state.exportFormat &&
      state.exported.component === exportedComponent(state),
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
        {format !== 'pipeline-zip' && <ComponentChoice />}
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

/** Which of the two graphs the file holds. */
function ComponentChoice() {
  const hasDecoder = useStudio((state) => present(state.open).decoder !== undefined);
  const component = useStudio(exportedComponent);
  if (!hasDecoder) return null;
  return (
    <div className="format">
      <span>
        <b>Graph</b>
        <Segmented<ComponentId>
          label="Whose graph the file holds"
          choices={[
            { value: 'denoiser', label: 'Denoiser' },
            { value: 'decoder', label: 'Decoder' },
          ]}
          value={component}
          onChange={setExportComponent}
          testId="export-component"
        />
      </span>
    </div>
  );
}

function Summary() {
  const teacher = useStudio((state) => present(state.open).tree.totals);
  const student = useStudio(studentTotals);
  const decoder = useStudio(decoderTotals);
  const count = useStudio((state) => state.plan.dropped.length);
  const cut = useStudio((state) => describeCut(planTreeOf(present(state.open)), state.plan));
  const canRun = useStudio((state) => present(state.open).cannotRun === undefined);
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
          {decoder && decoder.student.parameters < decoder.teacher.parameters && (
            <>
              Of the decoder{' '}
              <b>{formatPercent(decoder.student.parameters / Math.max(1, decoder.teacher.parameters))}</b> of the
              parameters and <b>{formatPercent(decoder.student.macs / Math.max(1, decoder.teacher.macs))}</b> of the
              MACs.{' '}
            </>
          )}
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
  const large = useStudio((state) => (studentTotals(state) ?? present(state.open).tree.totals).bytes >= LARGE_BYTES);
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
  const canRun = useStudio((state) => present(state.open).cannotRun === undefined);
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
      <button type="button" className="button quiet small" onClick={() => present(input.current).click()}>
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
