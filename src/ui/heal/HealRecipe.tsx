/** The recipe of healing: what is done, in which order, and how strongly; each choice with what it does. */
import type { ComponentProps, ReactNode } from 'react';
import { type HealStage, healStages } from '../../worker/protocol';
import { Explain } from '../parts/Explain';
import { Icon } from '../parts/Icon';
import { NumberField } from '../parts/NumberField';
import { Segmented } from '../parts/Segmented';
import { chooseHealing, type HealChoices, testRates } from '../store/healing';

interface RecipeProps {
  readonly choices: HealChoices;
}

export function HealRecipe({ choices }: RecipeProps) {
  return (
    <div className="heal-choices">
      <Stages choices={choices} />
      <Trained choices={choices} />
      <Losses choices={choices} />
      <Rate choices={choices} />
      <Data choices={choices} />
    </div>
  );
}

const stageNames: Readonly<Record<HealStage, { readonly name: string; readonly about: string }>> = {
  repair: {
    name: 'Repair first',
    about:
      'In closed form, without gradients: the layers that the cut starves are fitted to what it took. In the tab it takes minutes before the first step is seen.',
  },
  local: {
    name: 'Stage by stage',
    about:
      'Stages of the student learn apart, each fed with the teacher’s own values; no gradient goes through the whole.',
  },
  end: {
    name: 'The whole student',
    about: 'All of it learns at once, from its output and from what comes out of its stages.',
  },
};

function Stages({ choices }: RecipeProps) {
  const toggle = (stage: HealStage) => {
    const stages = healStages.filter((one) => choices.stages.includes(one) !== (one === stage));
    if (stages.length > 0) chooseHealing({ stages });
  };
  return (
    <fieldset className="heal-stages">
      <legend className="visually-hidden">What is done, in this order</legend>
      {healStages.map((stage) => (
        <Choice key={stage} about={stageNames[stage].about}>
          <label>
            <input
              type="checkbox"
              checked={choices.stages.includes(stage)}
              onChange={() => toggle(stage)}
              data-testid={`heal-stage-${stage}`}
            />{' '}
            {stageNames[stage].name}
          </label>
        </Choice>
      ))}
    </fieldset>
  );
}

const trainedNames = [
  { value: 'all', label: 'All weights' },
  { value: 'near', label: 'Near the cuts' },
  { value: 'low-rank', label: 'Low-rank' },
] as const;

function Trained({ choices }: RecipeProps) {
  return (
    <Choice about="All weights: the most that can change. Near the cuts: the layers right before and after each. Low-rank: a small change of the attention’s projections, added to them at the end. The latter two keep less state.">
      <span>Trains</span>
      <Segmented
        label="What is trained"
        choices={trainedNames}
        value={choices.train ?? 'all'}
        onChange={(train) => chooseHealing({ train })}
        testId="heal-train"
      />
    </Choice>
  );
}

function Losses({ choices }: RecipeProps) {
  return (
    <>
      <NumberChoice
        about="Individual content distillation (the ICD loss of VDMini): beside the output, what comes out of every stage that is left is pulled to the teacher’s, frame by frame. 0: the output alone."
        label="Layers too (ICD)"
        value={choices.icdWeight}
        min={0}
        max={100}
        width={64}
        onCommit={(icdWeight) => chooseHealing({ icdWeight })}
        testId="heal-icd"
      />
      <NumberChoice
        about="A critic over whole clips (the MCA loss of VDMini) learns to tell the student’s from the teacher’s, and the student to please it. It counts only while it tells them apart. Costs about as much again. 0: none."
        label="Critic (MCA)"
        value={choices.mcaWeight}
        min={0}
        max={100}
        width={64}
        onCommit={(mcaWeight) => chooseHealing({ mcaWeight })}
        testId="heal-mca"
      />
    </>
  );
}

function Rate({ choices }: RecipeProps) {
  const { learningRate } = choices;
  const isTested = learningRate === undefined;
  return (
    <>
      <Choice about="How far one step moves the weights. Too high, and what was there is lost or is no number any more; too low, and it takes long. It warms up, and falls to nothing at the end. Found by a test: a few steps with each of a few rates first.">
        {!isTested && (
          <NumberField
            label="Learning rate"
            value={learningRate}
            min={1e-7}
            max={10}
            width={88}
            onCommit={(rate) => chooseHealing({ learningRate: rate })}
            testId="heal-rate"
          />
        )}
        <label>
          <input
            type="checkbox"
            checked={isTested}
            onChange={() => (isTested ? chooseHealing({ learningRate: 1e-3 }) : testRates())}
            data-testid="heal-rate-test"
          />{' '}
          {isTested ? 'Learning rate found by a test' : 'by a test'}
        </label>
      </Choice>
      <NumberChoice
        about="States of the teacher’s sampling that one step learns from. More is steadier and slower."
        label="States a step"
        value={choices.batch}
        min={1}
        max={256}
        whole
        width={64}
        onCommit={(batch) => chooseHealing({ batch })}
        testId="heal-batch"
      />
    </>
  );
}

function Data({ choices }: RecipeProps) {
  return (
    <>
      <NumberChoice
        about="How much more often it learns from states with much noise, where a clip’s content and motion are decided. 1: all alike."
        label="High noise, times"
        value={choices.highNoise}
        min={0}
        max={100}
        width={64}
        onCommit={(highNoise) => chooseHealing({ highNoise })}
        testId="heal-high-noise"
      />
      <NumberChoice
        about="Clips of the teacher whose states are learnt from. One more is made every few steps, until there are so many."
        label="Clips"
        value={choices.clips}
        min={1}
        max={10_000}
        whole
        width={64}
        onCommit={(clips) => chooseHealing({ clips })}
        testId="heal-clips-made"
      />
      <NumberChoice
        about="Of the choice of states: the same seed learns the same."
        label="Seed"
        value={choices.seed}
        min={0}
        max={1_000_000}
        whole
        width={72}
        onCommit={(seed) => chooseHealing({ seed })}
        testId="heal-seed"
      />
    </>
  );
}

function NumberChoice({ about, ...field }: ComponentProps<typeof NumberField> & Pick<ChoiceProps, 'about'>) {
  return (
    <Choice about={about}>
      <NumberField {...field} />
    </Choice>
  );
}

interface ChoiceProps {
  readonly about: string;
  readonly children: ReactNode;
}

function Choice({ about, children }: ChoiceProps) {
  return (
    <span className="heal-choice">
      {children}
      <Explain about={about}>
        <Icon name="help" size={14} />
        <span className="visually-hidden">What it does</span>
      </Explain>
    </span>
  );
}
