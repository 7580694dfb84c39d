/** What to sample: prompt with examples, seed, steps, guidance; run or cancel; whether toggles rerun at once. */
import type { FormEvent } from 'react';
import { Icon } from '../parts/Icon';
import { NumberField } from '../parts/NumberField';
import { Popover } from '../parts/Popover';
import { isCurrent } from '../store/derived';
import { cancelRun } from '../store/generate';
import { commitSettings, editSettings, generateNow, rollSeed, setRerun } from '../store/settings';
import { useStudio } from '../store/state';
import './prompt.css';

export function PromptBar() {
  const { prompt, seed, steps, guidance } = useStudio((state) => state.settings);
  const ready = useStudio(
    (state) => state.open !== null && state.opening === null && state.open.cannotRun === undefined,
  );
  const takesPrompt = useStudio((state) => state.open === null || state.open.description.textEncoder !== undefined);
  const takesPicture = useStudio((state) => state.open?.description.image !== undefined);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    generateNow();
  };
  return (
    <form className="prompt-bar" onSubmit={onSubmit} aria-label="What to generate">
      <div className="prompt-field">
        <input
          className="field"
          aria-label="Prompt"
          placeholder={
            takesPrompt
              ? 'Describe a clip'
              : `No text here: ${takesPicture ? 'picture and seed decide' : 'the seed decides'}`
          }
          disabled={!takesPrompt}
          value={takesPrompt ? prompt : ''}
          spellCheck={false}
          onChange={(event) => editSettings({ prompt: event.target.value })}
          data-testid="prompt"
        />
        <Examples />
      </div>
      <NumberField
        label="Seed"
        value={seed}
        min={0}
        max={4294967295}
        whole
        onCommit={(value) => commitSettings({ seed: value })}
        width={72}
        testId="seed"
      />
      <button
        type="button"
        className="button quiet icon seed-dice"
        aria-label="Random seed"
        disabled={!ready}
        onClick={rollSeed}
        data-testid="dice"
      >
        <Icon name="dice" />
      </button>
      <NumberField
        label="Steps"
        value={steps}
        min={1}
        max={200}
        whole
        onCommit={(value) => commitSettings({ steps: value })}
        width={44}
        testId="steps"
      />
      <NumberField
        label="Guidance"
        value={guidance}
        min={0}
        max={50}
        onCommit={(value) => commitSettings({ guidance: value })}
        width={44}
        testId="guidance"
      />
      <RerunSwitch />
      <RunButton ready={ready} />
      {/* Enter in a field submits through this one, while a run shows Cancel in place of Generate too. */}
      <button type="submit" hidden tabIndex={-1} aria-hidden="true" />
    </form>
  );
}

function Examples() {
  const examples = useStudio((state) => state.open?.description.examplePrompts);
  if (!examples || examples.length === 0) return null;
  return (
    <Popover
      button={<Icon name="down" />}
      buttonClass="button quiet icon small"
      label="Example prompts"
      align="right"
      width={340}
      testId="examples"
    >
      {(close) => (
        <ul className="examples">
          {examples.map((example) => (
            <li key={example}>
              <button
                type="button"
                onClick={() => {
                  commitSettings({ prompt: example });
                  close();
                }}
              >
                {example}
              </button>
            </li>
          ))}
        </ul>
      )}
    </Popover>
  );
}

function RerunSwitch() {
  const rerun = useStudio((state) => state.rerun);
  return (
    <button
      type="button"
      className="button quiet rerun"
      role="switch"
      aria-label="Rerun the student at every toggle"
      aria-checked={rerun === 'at-once'}
      onClick={() => setRerun(rerun === 'at-once' ? 'on-demand' : 'at-once')}
      data-testid="rerun-mode"
    >
      <span className="switch" aria-hidden="true" />
      <span className="rerun-name">Auto-run</span>
    </button>
  );
}

function RunButton({ ready }: { readonly ready: boolean }) {
  const running = useStudio((state) => state.run !== null || state.runPending);
  const done = useStudio((state) => isCurrent(state, 'student') && isCurrent(state, 'teacher'));
  if (running) {
    return (
      <button type="button" className="button run" onClick={cancelRun} data-testid="cancel-run">
        <Icon name="stop" size={13} /> Cancel
      </button>
    );
  }
  return (
    <button
      type="button"
      className={`button run ${done ? '' : 'primary'}`}
      disabled={!ready}
      onClick={generateNow}
      data-testid="generate"
    >
      <Icon name={done ? 'refresh' : 'play'} size={done ? 14 : 12} /> {done ? 'Run again' : 'Generate'}
    </button>
  );
}
