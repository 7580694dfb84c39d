/** Which backend runs the model, why, and how long a step takes; details and choice on click. */
import { present } from '../../errors/present';
import type { BackendPreference } from '../../worker/protocol';
import { formatBytes, formatMs, formatTiny } from '../format';
import { useStepTimes } from '../metrics/useStepTimes';
import { Icon } from '../parts/Icon';
import { Popover } from '../parts/Popover';
import { Segmented } from '../parts/Segmented';
import { setBackend } from '../store/open';
import { useStudio } from '../store/state';

const preferences = [
  { value: 'auto', label: 'Automatic' },
  { value: 'webgpu', label: 'WebGPU' },
  { value: 'wasm', label: 'WASM' },
] as const;

export function BackendBadge() {
  const status = useStudio((state) => state.status);
  const device = useStudio((state) => state.device);
  const stepMs = useStudio((state) => state.paceMs);
  if (!status) {
    return (
      <span className="badge" data-testid="backend-badge" data-backend="none">
        <Icon name="chip" size={14} /> <span className="faint">no backend yet</span>
      </span>
    );
  }
  const name = status.backend === 'webgpu' ? 'WebGPU' : 'WASM';
  return (
    <Popover
      button={
        <>
          <Icon name="chip" size={14} />
          <b>{name}</b>
          {status.backend === 'wasm' && (
            <span className="faint">{status.threads === 1 ? '1 thread' : `${status.threads} threads`}</span>
          )}
          {stepMs !== null && <span className="faint">{formatMs(stepMs)} / step</span>}
          <span className={`dot ${device === 'lost' || device === 'stopped' ? 'bad' : 'good'}`} />
        </>
      }
      buttonClass="button quiet badge"
      label={`Backend: ${name}`}
      align="right"
      width={330}
      testId="backend-badge"
      data={{ 'data-backend': status.backend }}
    >
      {() => <BackendDetails />}
    </Popover>
  );
}

function BackendDetails() {
  const status = useStudio((state) => present(state.status));
  const backend = useStudio((state) => state.backend);
  const paceMs = useStudio((state) => state.paceMs);
  const { times } = useStepTimes();
  const idle = useStudio((state) => state.opening === null && state.exporting === null);
  return (
    <div className="backend-details" data-testid="backend-details">
      <p>{status.reason}</p>
      <dl>
        {status.adapter !== undefined && <Fact name="Adapter" value={status.adapter} />}
        <Fact name="WASM threads" value={String(status.threads)} />
        <Fact name="WASM memory" value={`ends at ${formatBytes(status.heapBytes)}`} />
        {status.largestBufferBytes !== undefined && (
          <Fact name="Largest tensor" value={`${formatBytes(status.largestBufferBytes)} (asked of the adapter)`} />
        )}
        <Fact name="Cross-origin isolated" value={status.crossOriginIsolated ? 'yes' : 'no: WASM runs on one thread'} />
        <Fact
          name="Self-test"
          value={
            status.selfTestMaxDifference === undefined
              ? 'not needed: WASM is the reference'
              : `differs from WASM by at most ${formatTiny(status.selfTestMaxDifference)}`
          }
        />
        {paceMs !== null && <Fact name="Last run" value={`${formatMs(paceMs)} a step`} />}
        {times && <Fact name="Teacher step" value={formatMs(times.referenceMs)} />}
        {times && <Fact name="Student step" value={formatMs(times.candidateMs)} />}
      </dl>
      <div className="backend-choice">
        <span className="faint">Use</span>
        <Segmented<BackendPreference>
          label="Backend"
          choices={preferences}
          value={backend}
          onChange={(value) => idle && setBackend(value)}
          testId="backend-choice"
        />
      </div>
      <p className="faint">A change opens the model again. Nothing leaves this tab.</p>
    </div>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
