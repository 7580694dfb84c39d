/** After a large cut: nothing is wrong with the studio, the student only wants training. Leads to healing. */
import { useVerdict } from '../metrics/VerdictLine';
import { Icon } from '../parts/Icon';
import { isHealedAsItIs } from '../store/healed';
import { showTab, usePage } from '../store/page';
import { studentTotals, useStudio } from '../store/state';
import { hasTab } from './tabs';

/** Share of the parameters that are left, under which a cut counts as large. */
const largeCut = 0.85;

export function UnhealedBanner() {
  const share = useStudio((state) => {
    const student = studentTotals(state);
    return student && state.open ? student.parameters / Math.max(1, state.open.tree.totals.parameters) : 1;
  });
  const verdict = useVerdict();
  const inHealing = usePage((state) => state.tab === 'heal');
  const healed = useStudio(isHealedAsItIs);
  const lost = verdict !== null && (verdict.content === 'lost' || verdict.motion === 'lost');
  const harmless = verdict !== null && verdict.content === 'kept' && verdict.motion === 'kept';
  if (inHealing || healed || harmless || (share > largeCut && !lost)) return null;
  return (
    <p className="unhealed" data-testid="unhealed">
      <Icon name="warning" size={14} />
      <span>
        <b>Unhealed.</b> A large cut needs training afterwards: VDMini distils the teacher into the student before it
        judges it.
      </span>
      {hasTab('heal') && (
        <button type="button" className="button small" onClick={() => showTab('heal')} data-testid="heal-it">
          Heal it
        </button>
      )}
    </p>
  );
}
