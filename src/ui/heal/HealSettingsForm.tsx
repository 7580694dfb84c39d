/** What healing is to do, in plain words; the same as a command. */
import { Icon } from '../parts/Icon';
import { NumberField } from '../parts/NumberField';
import { Segmented } from '../parts/Segmented';
import { chooseHealing, type HealChoices, useHealing } from '../store/healing';
import { copyHealCommand } from '../store/sharing';
import { useStudio } from '../store/state';
import { HealRecipe } from './HealRecipe';

export function HealSettingsForm() {
  const choices = useHealing((state) => state.choices);
  const can = useStudio((state) => state.plan.dropped.length > 0 && state.weights === 'original');
  return (
    <form className="heal-settings" aria-label="How to heal" onSubmit={(event) => event.preventDefault()}>
      <Limit choices={choices} />
      <span className="spacer" />
      <button
        type="button"
        className="button small quiet"
        disabled={!can}
        onClick={() => void copyHealCommand()}
        data-testid="heal-command"
      >
        <Icon name="terminal" size={14} /> Copy as command
      </button>
      <details className="heal-more">
        <summary>More settings</summary>
        <HealRecipe choices={choices} />
      </details>
    </form>
  );
}

interface ChoicesProps {
  readonly choices: HealChoices;
}

function Limit({ choices }: ChoicesProps) {
  return (
    <>
      <Segmented
        label="How long"
        choices={[
          { value: 'minutes', label: 'For minutes' },
          { value: 'steps', label: 'For steps' },
        ]}
        value={choices.limit}
        onChange={(limit) => chooseHealing({ limit: limit as HealChoices['limit'] })}
        testId="heal-limit"
      />
      {choices.limit === 'minutes' ? (
        <NumberField
          label="Minutes"
          value={choices.minutes}
          min={1}
          max={600}
          width={64}
          onCommit={(minutes) => chooseHealing({ minutes })}
          testId="heal-minutes"
        />
      ) : (
        <NumberField
          label="Steps"
          value={choices.steps}
          min={1}
          max={1_000_000}
          whole
          width={72}
          onCommit={(steps) => chooseHealing({ steps })}
          testId="heal-steps"
        />
      )}
    </>
  );
}
