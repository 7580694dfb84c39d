/** Start, pause, end. */
import { cancelHealing, finishHealing, type HealingState, pauseHealing, startHealing } from '../store/healing';
import { useStudio } from '../store/state';

export function HealControls({ healing }: { readonly healing: HealingState }) {
  const can = useStudio((state) => state.plan.dropped.length > 0 && state.open?.cannotRun === undefined);
  const healed = useStudio((state) => state.weights !== 'original');
  if (!healing.running)
    return (
      <button
        type="button"
        className="button primary"
        disabled={!can}
        onClick={() => void startHealing()}
        data-testid="heal-start"
      >
        {healed ? 'Heal further' : 'Heal'}
      </button>
    );
  const begun = healing.heldOut.length > 0;
  return (
    <span className="heal-controls">
      <button
        type="button"
        className="button"
        onClick={() => pauseHealing(!healing.paused)}
        disabled={healing.ending || healing.recovering}
        data-testid="heal-pause"
      >
        {healing.paused ? 'Go on' : 'Pause'}
      </button>
      <button
        type="button"
        className="button"
        onClick={begun ? finishHealing : cancelHealing}
        disabled={healing.ending}
        data-testid="heal-stop"
      >
        {begun ? 'Stop and keep the best' : 'Cancel'}
      </button>
    </span>
  );
}
