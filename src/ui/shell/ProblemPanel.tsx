/** What went wrong, in a sentence, with what to do about it and what was kept. Stays until it is dismissed. */
import { explain } from '../../errors/remedies';
import { Icon } from '../parts/Icon';
import { dismissProblem } from '../store/engine';
import { openWithoutRunning } from '../store/open';
import { usePage } from '../store/page';
import { showPanel } from '../store/settings';
import { type Activity, type StudioState, useStudio } from '../store/state';

const titles: Readonly<Record<Activity, string>> = {
  open: 'Not opened',
  keep: 'Kept models',
  generate: 'Sampling stopped',
  export: 'Not exported',
  heal: 'Healing stopped',
  plan: 'Plan not applied',
  check: 'Ids not checked',
  features: 'Feature model',
  engine: 'Engine',
};

/** What the person still has. */
function kept(state: StudioState, during: Activity): string | null {
  if (during === 'open') return state.open ? `${state.open.description.name} is still open; nothing was lost.` : null;
  if (during === 'generate') return 'Plan, settings and the clips on screen were kept.';
  if (during === 'export') return 'No file was left behind; the plan was kept.';
  return null;
}

function editAddress(): void {
  dismissProblem();
  showPanel('open');
}

/** `inDialog`: as a part of the modal dialog, which lets nothing outside of it be read or clicked. */
export function ProblemPanel({ inDialog = false }: { readonly inDialog?: boolean }) {
  const problem = useStudio((state) => state.problem);
  const dialogShown = useStudio((state) => state.panel === 'open' || (state.panel === 'export' && state.open !== null));
  const keeps = useStudio((state) => (state.problem ? kept(state, state.problem.during) : null));
  const typed = usePage((state) => state.typedUrl !== '');
  if (!problem || inDialog !== dialogShown) return null;
  const { error, during, refused } = problem;
  const { sentence, remedy } = explain(error);
  return (
    <div
      className={inDialog ? 'problem in-dialog' : 'problem'}
      role="alert"
      data-testid="error-panel"
      data-error-code={error.code}
    >
      <Icon name="warning" size={18} />
      <div className="problem-body">
        <p className="problem-title">
          {titles[during]}. {sentence}
        </p>
        <p data-testid="error-message">{error.message}</p>
        <p className="problem-remedy" data-testid="error-remedy">
          {remedy}
        </p>
        {refused && (
          <button
            type="button"
            className="button small problem-way"
            onClick={openWithoutRunning}
            data-testid="open-without-running"
          >
            Open without clips
          </button>
        )}
        {during === 'open' && typed && (
          <button type="button" className="button small problem-way" onClick={editAddress} data-testid="edit-address">
            Edit the address
          </button>
        )}
        <p className="faint">
          {keeps} <code>{error.code}</code>
        </p>
      </div>
      <button
        type="button"
        className="button quiet icon small"
        aria-label="Dismiss"
        onClick={dismissProblem}
        data-testid="error-dismiss"
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

/** Short lines at the bottom: the lost device, and notices that go away by themselves. */
export function Banners() {
  const device = useStudio((state) => state.device);
  const notice = useStudio((state) => state.notice);
  return (
    <div className="banners">
      {(device === 'lost' || device === 'stopped') && (
        <p className="banner warn" role="alert" data-testid="device-lost">
          <Icon name="warning" />{' '}
          {device === 'lost'
            ? 'The GPU device was lost. It is being remade'
            : 'The engine stopped. It is being started again'}
          ; plan, settings and clips are kept.
        </p>
      )}
      {notice !== null && (
        <p className="banner" role="status" data-testid="notice">
          {notice}
        </p>
      )}
    </div>
  );
}
