/** What came of a run: better by how much, or why the untouched student was kept and what to change. */
import { present } from '../../errors/present';
import type { HealJobOutcome } from '../../worker/protocol';
import { duration, formatPercent, significant } from '../format';
import { Icon } from '../parts/Icon';
import { Segmented } from '../parts/Segmented';
import { setStudent } from '../store/edit';
import { chooseHealing } from '../store/healing';
import { read, useStudio } from '../store/state';

export function HealOutcomeLine({ outcome }: { readonly outcome: HealJobOutcome }) {
  const { before, best, end, steps, seconds, weights, learningRate } = outcome;
  const gained = weights !== undefined;
  const lower = learningRate === null ? null : Number((learningRate / 3).toPrecision(1));
  return (
    <div className="heal-outcome" data-testid="heal-outcome" data-end={end} data-gained={gained}>
      <p>
        {gained && (
          <>
            Error on clips it never saw: <b>{significant(before.total)}</b> before, <b>{significant(best.total)}</b> now
            ({formatPercent(best.total / before.total)}), at step {best.step}.{' '}
          </>
        )}
        {!gained && end !== 'not-finite' && (
          <>
            <b>The untouched student was kept:</b> nothing that was learnt made its error on clips it never saw smaller
            than {significant(before.total)}; it ended at {significant(present(outcome.curves.heldOut.at(-1)).total)}. A
            cut that does so little damage may need no healing; else a lower learning rate or more steps may help.{' '}
          </>
        )}
        {end === 'not-finite' && <>{notFinite(outcome)} </>}
        <span className="faint">
          {steps} steps in {duration(seconds)}
          {ENDS[end]}
        </span>
      </p>
      {gained ? (
        <Weights weights={weights} before={outcome.edit.weights} />
      ) : (
        lower !== null &&
        (end === 'not-finite' || end === 'no-gain') && (
          <button
            type="button"
            className="button small"
            onClick={() => chooseHealing({ learningRate: lower })}
            data-testid="heal-lower-rate"
          >
            Take a learning rate of {lower}
          </button>
        )
      )}
    </div>
  );
}

const ENDS: Readonly<Record<HealJobOutcome['end'], string>> = {
  steps: '.',
  minutes: ', until the time was up.',
  'no-gain': '; ended early, as nothing was gained any more.',
  told: ', until it was ended.',
  'not-finite': '.',
};

function notFinite({ curves, weights, learningRate }: HealJobOutcome): string {
  const step = present(curves.training.at(-1)).step + 1;
  const kept = weights === undefined ? 'The untouched student was kept' : 'The best weights before that were kept';
  const rate = learningRate === null ? '' : ` Its learning rate, ${learningRate}, is too high for this student:`;
  return `At step ${step} the loss was not a number any more. ${kept}.${rate} take a lower one, or train less of it.`;
}

interface WeightsProps {
  readonly weights: string;
  readonly before: string;
}

function Weights({ weights, before }: WeightsProps) {
  const worn = useStudio((state) => state.weights);
  return (
    <span className="heal-weights">
      <Segmented
        label="Weights of the student"
        choices={[
          { value: before, label: before === 'original' ? 'Unhealed' : 'Before' },
          { value: weights, label: 'Healed' },
        ]}
        value={worn}
        onChange={(value) => setStudent({ plan: read().plan, weights: value })}
        testId="heal-worn"
      />
      <span className="faint">
        <Icon name="check" size={14} /> Clips and exports have the {worn === weights ? 'healed' : 'unhealed'} weights.
      </span>
    </span>
  );
}
