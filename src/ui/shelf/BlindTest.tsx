/** The blind test on screen: a dialog, so that neither map nor captions tell who is who; arrow keys answer. */

import { useEffect, useRef, useState } from 'react';
import { present } from '../../errors/present';
import type { Clip } from '../../metrics/Clip';
import { shareInterval } from '../../metrics/shareInterval';
import { drawFrame } from '../clips/pixels';
import { formatPercent } from '../format';
import { Dialog } from '../parts/Dialog';
import { Segmented } from '../parts/Segmented';
import {
  answerBlind,
  askOther,
  type BlindState,
  canAskNearer,
  closeBlind,
  type Question,
  revealBlind,
  startBlind,
  useBlind,
} from '../store/blind';
import { useStudio } from '../store/state';
import { chosenOf, type Tally, tallyOf } from './tally';
import './shelf.css';

export function BlindTestButton() {
  const two = useStudio((state) => state.second !== null);
  const can = useStudio(
    (state) => state.open !== null && state.open.cannotRun === undefined && (two || state.plan.dropped.length > 0),
  );
  return (
    <button type="button" className="button small" disabled={!can} onClick={startBlind} data-testid="blind-start">
      Blind test {two ? 'of A and B' : 'against the teacher'}
    </button>
  );
}

export function BlindTest() {
  const blind = useBlind();
  if (!blind.open) return null;
  return (
    <Dialog title="Blind test" onClose={closeBlind} testId="blind-test">
      {blind.revealed ? <Revealed blind={blind} /> : <Round blind={blind} />}
    </Dialog>
  );
}

const questions: Readonly<Record<Question, string>> = {
  nearer: 'Which is nearer to the teacher?',
  better: 'Which looks better?',
};

function Round({ blind: { round, question, answers } }: { readonly blind: BlindState }) {
  const nearer = useStudio(canAskNearer);
  const frame = useClock();
  const sides = round && (round.left === 0 ? round.clips.contestants : round.clips.contestants.toReversed());
  return (
    <div
      className="blind"
      onKeyDown={(event) => {
        if ((event.target as HTMLElement).closest('[role=radiogroup]')) return;
        const side = ({ ArrowLeft: 'left', ArrowRight: 'right', ArrowDown: 'equal' } as const)[
          event.key as 'ArrowLeft'
        ];
        if (!side) return;
        event.preventDefault();
        answerBlind(side);
      }}
    >
      {nearer && (
        <Segmented
          label="Question"
          choices={[
            { value: 'nearer', label: questions.nearer },
            { value: 'better', label: questions.better },
          ]}
          value={question}
          onChange={askOther}
          testId="blind-question"
        />
      )}
      <p role="status" data-testid="blind-round" data-answers={answers.length}>
        {round
          ? `Round ${answers.length + 1}: ${questions[question]} “${round.settings.prompt}”, seed ${round.settings.seed}`
          : `Round ${answers.length + 1}: its clips are being made …`}
      </p>
      <div className="blind-clips">
        {question === 'nearer' && <BlindClip name="Teacher" clip={round?.clips.teacher} frame={frame} />}
        <BlindClip name="Left" clip={sides?.[0]} frame={frame} />
        <BlindClip name="Right" clip={sides?.[1]} frame={frame} />
      </div>
      <div className="blind-answers">
        {(['left', 'equal', 'right'] as const).map((side) => (
          <button
            key={side}
            type="button"
            className="button"
            disabled={!round}
            onClick={() => answerBlind(side)}
            data-testid={`blind-${side}`}
          >
            {{ left: '← Left', equal: 'No difference', right: 'Right →' }[side]}
          </button>
        ))}
        <button
          type="button"
          className="button quiet"
          disabled={answers.length === 0}
          onClick={revealBlind}
          data-testid="blind-reveal"
        >
          Reveal after {answers.length}
        </button>
      </div>
    </div>
  );
}

/** One clock for all clips of a round, at the model's frame rate. */
function useClock(): number {
  const framesPerSecond = useStudio((state) => state.open?.description.framesPerSecond ?? 8);
  const [frame, setFrame] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setFrame((before) => before + 1), 1000 / framesPerSecond);
    return () => clearInterval(timer);
  }, [framesPerSecond]);
  return frame;
}

interface BlindClipProps {
  readonly name: string;
  readonly clip: Clip | undefined;
  readonly frame: number;
}

function BlindClip({ name, clip, frame }: BlindClipProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (clip) drawFrame(present(canvas.current), clip, frame % clip.frameCount);
  }, [clip, frame]);
  return (
    <figure>
      <figcaption>{name}</figcaption>
      <canvas ref={canvas} width={64} height={64} role="img" aria-label={`${name} clip`} />
    </figure>
  );
}

function Revealed({ blind: { answers, names, question } }: { readonly blind: BlindState }) {
  const tally = tallyOf(answers);
  const { wins, equal } = tally;
  const decided = wins[0] + wins[1];
  return (
    <div className="blind" data-testid="blind-result">
      <p role="status">
        <b>{verdict(tally, names)}</b> {questions[question]} {answers.length} rounds, {equal} without a difference.
      </p>
      <table className="blind-tally" aria-label="How often each was chosen">
        <thead>
          <tr>
            <th scope="col">Chosen</th>
            <th scope="col">Rounds</th>
            <th scope="col">Share, 95 % interval</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name, i) => {
            const [low, high] = shareInterval(present(wins[i]), decided);
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  {wins[i]} of {decided}
                </td>
                <td>
                  {decided === 0
                    ? '–'
                    : `${formatPercent(present(wins[i]) / decided)}, ${formatPercent(low)} to ${formatPercent(high)}`}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function verdict(tally: Tally, names: readonly [string, string]): string {
  const chosen = chosenOf(tally);
  return chosen === null ? 'Undecided: so few answers fit a coin too.' : `${names[chosen]} was chosen more often.`;
}
