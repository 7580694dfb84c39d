/** Top line: the program, the open model, what is loading, export and the backend. */
import { present } from '../../errors/present';
import { formatBytes } from '../format';
import { Icon } from '../parts/Icon';
import { Popover } from '../parts/Popover';
import { cancelOpen } from '../store/open';
import { writePage } from '../store/page';
import { showPanel } from '../store/settings';
import { copyCommand, copyLink } from '../store/sharing';
import { type Opening, useStudio } from '../store/state';
import { BackendBadge } from './BackendBadge';
import { LatentSizeButton } from './LatentSizeButton';
import { ModelSwitch, useBundled } from './ModelSwitch';
import { phaseNames } from './phases';
import './shell.css';

export function Header() {
  const open = useStudio((state) => state.open);
  const opening = useStudio((state) => state.opening);
  const bundled = useBundled(); // named by the switch beside
  return (
    <header className="header">
      <h1 className="brand">
        <Logo /> VDMini Studio
      </h1>
      <button type="button" className="button model" onClick={() => showPanel('open')} data-testid="open-model">
        <Icon name="folder" size={14} />
        <span className="truncate">{bundled ? 'Open your own' : (open?.description.name ?? 'Open a model')}</span>
        <Icon name="down" size={12} />
      </button>
      <ModelSwitch />
      {open && <ModelFacts />}
      {opening && <OpeningLine opening={opening} />}
      <span className="spacer" />
      <BackendBadge />
      <span className="header-actions">
        <button
          type="button"
          className="button quiet small"
          aria-label="Copy link"
          disabled={!open}
          onClick={() => void copyLink()}
          data-testid="copy-link"
        >
          <Icon name="link" size={14} /> <span className="wide-only">Copy link</span>
        </button>
        <button
          type="button"
          className="button quiet small"
          aria-label="Copy as command"
          disabled={!open}
          onClick={() => void copyCommand()}
          data-testid="copy-command"
        >
          <Icon name="terminal" size={14} /> <span className="wide-only">Copy as command</span>
        </button>
        <button
          type="button"
          className="button quiet icon small"
          aria-label="Help and shortcuts (?)"
          onClick={() => writePage({ shortcutsShown: true })}
          data-testid="help"
        >
          <Icon name="help" size={16} />
        </button>
        <button
          type="button"
          className="button"
          disabled={!open}
          onClick={() => showPanel('export')}
          data-testid="export-open"
        >
          <Icon name="export" size={14} /> Export
        </button>
      </span>
    </header>
  );
}

function ModelFacts() {
  const { latent, framesPerSecond, notes, scheduler } = useStudio((state) => present(state.open).description);
  return (
    <>
      <span className="faint model-facts truncate">
        {latent.frames} frames at {framesPerSecond} fps · latent {latent.channels}×{latent.height}×{latent.width} ·{' '}
        {scheduler._class_name.replace(/Scheduler$/, '')}
      </span>
      <LatentSizeButton />
      {notes.length > 0 && (
        <Popover
          button={notes.length === 1 ? '1 note' : `${notes.length} notes`}
          buttonClass="button quiet small model-notes"
          label="What is missing or assumed"
          width={380}
          testId="model-notes"
        >
          {() => (
            <ul className="notes">
              {notes.map((note) => (
                <li key={note}>{note}</li>
              ))}
            </ul>
          )}
        </Popover>
      )}
    </>
  );
}

function OpeningLine({ opening }: { readonly opening: Opening }) {
  const { progress } = opening;
  const share = progress && progress.totalBytes > 0 ? progress.loadedBytes / progress.totalBytes : null;
  const bytes =
    progress && progress.loadedBytes > 0
      ? ` ${formatBytes(progress.loadedBytes)}${progress.totalBytes > 0 ? ` of ${formatBytes(progress.totalBytes)}` : ''}`
      : '';
  return (
    <span className="opening-line" role="status" data-testid="opening" data-phase={progress?.phase}>
      <span className={`progress ${share === null ? 'unknown' : ''}`}>
        <span style={share === null ? undefined : { transform: `scaleX(${share})` }} />
      </span>
      <span className="truncate">
        {progress ? `${phaseNames[progress.phase]} ${progress.what}${bytes}` : `Opening ${opening.name}`}
      </span>
      <button
        type="button"
        className="button quiet icon small"
        aria-label="Cancel opening"
        onClick={cancelOpen}
        data-testid="cancel-open"
      >
        <Icon name="close" size={13} />
      </button>
    </span>
  );
}

function Logo() {
  return (
    <svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
      <g fill="none" strokeWidth="4" strokeLinecap="round">
        <path d="M6 5v12a10 10 0 0 0 10 10" stroke="var(--teacher)" />
        <path d="M26 5v12a10 10 0 0 1-10 10" stroke="var(--student)" strokeDasharray="5 6.5" />
      </g>
    </svg>
  );
}
