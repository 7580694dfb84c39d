/** The one line for a first visit: until the first edit, and gone for good when it is dismissed. */

import { Icon } from '../parts/Icon';
import { mappedOf } from '../store/mapped';
import { usePage, writePage } from '../store/page';
import { useStudio } from '../store/state';

export function FirstHint() {
  const dismissed = usePage((state) => state.hintDismissed);
  const open = useStudio((state) => mappedOf(state) !== null);
  const edited = useStudio((state) => state.past.length > 0 || state.plan.dropped.length > 0);
  if (dismissed || edited || !open) return null;
  return (
    <p className="first-hint" data-testid="first-hint">
      <span>Click a block to remove it; the right clip shows what is lost.</span>
      <button
        type="button"
        className="button quiet icon small"
        aria-label="Dismiss this hint"
        onClick={() => writePage({ hintDismissed: true })}
        data-testid="first-hint-dismiss"
      >
        <Icon name="close" size={14} />
      </button>
    </p>
  );
}
