/** One sentence on where healing stands, or on what to do so that it can begin. */
import { duration, significant } from '../format';
import { isHealed, isHealedAsItIs } from '../store/healed';
import type { HealingState } from '../store/healing';
import { usePlanning } from '../store/planning';
import { useStudio } from '../store/state';

interface HealStandingProps {
  readonly healing: HealingState;
  readonly isOfThis: boolean;
}

export function HealStanding({ healing, isOfThis }: HealStandingProps) {
  const idle = useIdleSentence();
  const running = useRunningSentence(healing);
  return (
    // steps are not announced one by one: the announcer tells beginning and end
    <div
      className="heal-standing"
      role={healing.running && !healing.paused ? undefined : 'status'}
      data-testid="heal-standing"
      data-running={healing.running}
    >
      <p>
        {healing.running ? running : idle}
        {healing.running && !isOfThis && (
          <span className="faint"> It is of the cut that it was begun with, not the one on screen.</span>
        )}
      </p>
      {healing.running && <Cost healing={healing} />}
    </div>
  );
}

function useIdleSentence(): string {
  return useStudio((state) => {
    if (state.open?.cannotRun !== undefined)
      return 'This model does not run here, so it cannot be healed here. The command line heals what its machine can hold.';
    if (state.plan.dropped.length === 0)
      return 'Nothing is dropped, so there is nothing to heal: switch blocks off on the map, or take a preset.';
    if (isHealedAsItIs(state)) return 'This student is healed. It can learn on from here, or lose more blocks first.';
    if (isHealed(state)) return 'More was dropped since it was healed: heal it again, from the weights that it has.';
    return 'Trains what the cut left to do what the teacher does, on the teacher’s own states. All of it happens in this tab; no data is needed.';
  });
}

function useRunningSentence(healing: HealingState): string {
  const personFirst = useStudio((state) => state.run !== null || state.exporting !== null);
  const measuring = usePlanning((state) => state.running !== null);
  const { recovering, ending, paused, progress, training, kept, notKept } = healing;
  if (recovering) return `The engine went away. Healing goes on from step ${kept?.step ?? 0} as soon as it is back.`;
  if (ending) return 'Ends after this step, and measures a last time.';
  if (paused) {
    if (kept?.step === training.length)
      return `Paused at step ${kept.step}, and kept: the tab may be closed or reloaded.`;
    if (training.length === 0) return 'Pauses after this call. Nothing was learnt yet, so a reload begins it anew.';
    return notKept ? 'Paused, but not kept.' : 'Pauses after this step.';
  }
  if (personFirst) return 'Waits: the clip or file that you asked for goes first.';
  if (progress === null) return measuring ? 'Begins when the measuring has ended.' : 'Begins…';
  return describeProgress(progress);
}

function describeProgress({ phase, done, of, secondsLeft }: NonNullable<HealingState['progress']>): string {
  switch (phase) {
    case 'graphs':
      return 'Writes the graph of a training step: a minute for a large model.';
    case 'clips':
      return `The teacher makes clips to learn from: ${done} of ${of}.`;
    case 'repair':
      return `Fits what the cut took, layer by layer: ${done} of ${of}.`;
    case 'rates':
      return `Tries learning rates: ${done} of ${of}.`;
    case 'training':
      return of < 100_000
        ? `Step ${done} of ${of}${secondsLeft ? `, ${duration(secondsLeft)} left` : ''}.`
        : `Step ${done}; how many there will be is known after a few.`;
  }
}

/** Steps, time, and what is kept meanwhile. */
function Cost({ healing }: { readonly healing: HealingState }) {
  const { heldOut, kept, notKept, startedAtMs, secondsBefore, progress } = healing;
  const seconds = secondsBefore + (performance.now() - startedAtMs) / 1000;
  const [first, last] = [heldOut[0], heldOut.at(-1)];
  const parts = [
    first && last && last.step > 0 ? `held-out error ${significant(first.total)} → ${significant(last.total)}` : null,
    progress ? `${duration(seconds)} so far` : null,
    kept ? `step ${kept.step} kept, ${Math.ceil(kept.sizeBytes / 1e6)} MB` : null,
  ].filter((part) => part !== null);
  return (
    <p className="heal-cost faint" data-testid="heal-cost">
      {parts.join(' · ')}
      {notKept && (
        <span className="heal-warning" data-testid="heal-not-kept">
          {parts.length > 0 ? ' · ' : ''}No checkpoint could be kept, so a reload would end it: {notKept.message}
        </span>
      )}
    </p>
  );
}
