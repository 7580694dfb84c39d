/** Runs of the open model that a reload or a closed tab ended: they can go on from their last checkpoint. */
import { present } from '../../errors/present';
import type { StoredCheckpoint } from '../../worker/protocol';
import { formatBytes, significant } from '../format';
import { describeCut } from '../plan/cut';
import { useStudents } from '../store/healedStudents';
import { discardHealing, resumeHealing } from '../store/healing';
import { useStudio } from '../store/state';

export function InterruptedRuns() {
  const fingerprint = useStudio((state) => state.open?.fingerprint);
  const checkpoints = useStudents((state) => state.checkpoints);
  const own = checkpoints.filter((one) => one.fingerprint === fingerprint);
  if (own.length === 0) return null;
  return (
    <ul className="heal-interrupted" aria-label="Runs that can go on" data-testid="heal-interrupted">
      {own.map((checkpoint) => (
        <Interrupted key={checkpoint.id} checkpoint={checkpoint} />
      ))}
    </ul>
  );
}

function Interrupted({ checkpoint }: { readonly checkpoint: StoredCheckpoint }) {
  const tree = useStudio((state) => present(state.open).tree);
  const { step, of, before, best, edit, sizeBytes, storedAtMs } = checkpoint;
  const planned = of < 100_000 ? ` of ${of}` : '';
  return (
    <li>
      <p>
        <b>A run was interrupted</b> at step {step}
        {planned}, {when(storedAtMs)}: {describeCut(tree, edit.plan)} dropped, error {significant(before.total)} →{' '}
        {significant(best.total)}. <span className="faint">{formatBytes(sizeBytes)} in this browser.</span>
      </p>
      <span className="heal-controls">
        <button
          type="button"
          className="button small"
          onClick={() => void resumeHealing(checkpoint)}
          data-testid="heal-resume"
        >
          Go on from step {step}
        </button>
        <button
          type="button"
          className="button small quiet"
          onClick={() => void discardHealing(checkpoint)}
          data-testid="heal-discard"
        >
          Discard
        </button>
      </span>
    </li>
  );
}

function when(atMs: number): string {
  const minutes = Math.round((Date.now() - atMs) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 90) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 36 ? `${hours} h ago` : `${Math.round(hours / 24)} days ago`;
}
