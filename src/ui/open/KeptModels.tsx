/** The models that this browser keeps: opened again, checked against their hashes, deleted; and what room is left. */
import { useEffect, useState } from 'react';
import type { KeptModel } from '../../library/modelCache';
import { formatBytes } from '../format';
import { Icon } from '../parts/Icon';
import { checkKept, deleteKept, listKept, openUrl } from '../store/kept';
import { type KeptCheck, useStudio } from '../store/state';

export function KeptModels() {
  const kept = useStudio((state) => state.kept);
  useEffect(() => void listKept(), []);
  if (!kept) return null;
  const { models, space, persistent } = kept;
  return (
    <section className="kept" aria-label="Models kept in this browser">
      {models.length > 0 && (
        <>
          <h3>Kept in this browser</h3>
          <ul>
            {models.map((model) => (
              <KeptLine key={model.id} model={model} />
            ))}
          </ul>
        </>
      )}
      {space && (
        <p className="faint" data-testid="storage-space" data-free={space.quotaBytes - space.usedBytes}>
          There is room for <b>{formatBytes(Math.max(0, space.quotaBytes - space.usedBytes))}</b> in this browser
          {models.length > 0 && `; ${formatBytes(space.usedBytes)} are in use`}.
          {models.length > 0 &&
            (persistent
              ? ' Models stay until you delete them.'
              : ' The browser may clear models when the disk is nearly full.')}
        </p>
      )}
    </section>
  );
}

function KeptLine({ model }: { readonly model: KeptModel }) {
  const [asking, setAsking] = useState(false);
  const check = useStudio((state) => state.keptChecks[model.id]);
  const isOpen = useStudio((state) => state.open?.folder.kind === 'url' && state.open.folder.url === model.url);
  const rest = model.files
    .filter((file) => file.sha256 === undefined)
    .reduce((sum, { totalBytes, storedBytes }) => sum + Math.max(0, totalBytes - storedBytes), 0);
  const whole = model.files.every((file) => file.sha256 !== undefined);
  return (
    <li data-testid="kept-model" data-check={check?.state} data-whole={whole}>
      <button
        type="button"
        className="kept-open"
        title={`${whole ? 'Open' : 'Go on loading'} ${model.url}`}
        onClick={() => void openUrl(model.url, true)}
      >
        <Icon name="folder" size={16} />
        <span className="kept-name">
          <b className="truncate">{model.name}</b>
          <span className="faint truncate">{new URL(model.url).host}</span>
        </span>
        <span className="kept-size">
          <span data-testid="kept-bytes" data-value={model.storedBytes}>
            {formatBytes(model.storedBytes)}
          </span>
          <State model={model} whole={whole} restBytes={rest} check={check} isOpen={isOpen} />
        </span>
      </button>
      {asking ? (
        <>
          <button
            type="button"
            className="button small danger"
            onClick={() => void deleteKept(model)}
            data-testid="kept-delete-now"
          >
            Delete now
          </button>
          <button type="button" className="button quiet small" onClick={() => setAsking(false)}>
            Keep
          </button>
        </>
      ) : (
        <>
          {whole ? (
            <button
              type="button"
              className="button quiet small"
              title="Read the files again and compare them with the hashes of what was downloaded"
              disabled={check?.state === 'running'}
              onClick={() => void checkKept(model)}
              data-testid="kept-check"
            >
              Verify
            </button>
          ) : (
            <button
              type="button"
              className="button quiet small"
              onClick={() => void openUrl(model.url, true)}
              data-testid="kept-resume"
            >
              Resume
            </button>
          )}
          <button
            type="button"
            className="button quiet small"
            aria-label={`Delete ${model.name} from this browser`}
            title={isOpen ? 'It is open now: open another model first' : undefined}
            disabled={isOpen}
            onClick={() => setAsking(true)}
            data-testid="kept-delete"
          >
            Delete
          </button>
        </>
      )}
    </li>
  );
}

interface StateProps {
  readonly model: KeptModel;
  readonly whole: boolean;
  readonly restBytes: number;
  readonly check: KeptCheck | undefined;
  readonly isOpen: boolean;
}

/** The one thing that matters most of a kept model now. */
function State({ model, whole, restBytes, check, isOpen }: StateProps) {
  if (check?.state === 'running')
    return (
      <span className="faint">verifying, {Math.round((100 * check.readBytes) / Math.max(1, model.storedBytes))} %</span>
    );
  if (check?.state === 'bad') return <span className="kept-bad">damaged</span>;
  if (!whole)
    return <span className="kept-part">{restBytes > 0 ? `${formatBytes(restBytes)} to go` : 'not complete'}</span>;
  if (check?.state === 'good') return <span className="kept-good">verified</span>;
  return <span className="faint">{isOpen ? 'open now' : 'complete'}</span>;
}
