/** What an export gave: its check against the preview, sizes, and downloads or the place where the files lie. */
import type { ComponentId } from '../../blocks/plan';
import type { ExportVerification, PickedPlace } from '../../worker/protocol';
import { formatBytes, formatPercent, formatTiny, significant } from '../format';
import { Icon } from '../parts/Icon';
import { downloadExported } from '../store/exporting';
import { savePlan } from '../store/saving';
import type { Exported } from '../store/state';

export function PlaceName({ place }: { readonly place: PickedPlace }) {
  return (
    <>
      {place.kind === 'folder' && 'the folder '}
      <b>{place.handle.name}</b>
    </>
  );
}

export function Result({ exported, current }: { readonly exported: Exported; readonly current: boolean }) {
  const { result, place, format, component } = exported;
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
        {verification && <VerificationLines verification={verification} component={component} />}
        <Line
          name={component === 'decoder' ? 'Decoder file' : 'Denoiser file'}
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

function VerificationLines({
  verification,
  component,
}: {
  readonly verification: ExportVerification;
  readonly component: ComponentId;
}) {
  return (
    <>
      <Line
        name="Largest difference"
        about={`over one output of the ${component}, exported file against preview`}
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
        name="Largest output"
        about="of the preview: the file may differ by a ten-thousandth of it in float32, rounding on the way"
        value={formatTiny(verification.scale)}
        testId="export-scale"
        raw={verification.scale}
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
