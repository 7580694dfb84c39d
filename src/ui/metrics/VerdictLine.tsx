/** The sentence that leads: what the cut saves and what it costs, with the rule behind it. */

import { COMPONENTS, planOfComponent } from '../../blocks/plan';
import { present } from '../../errors/present';
import type { PairedTimes } from '../../worker/protocol';
import { Explain } from '../parts/Explain';
import { isComparisonCurrent, standing } from '../store/derived';
import { decoderTotals, type StudioState, studentTotals, useStudio } from '../store/state';
import { useStepTimes } from './useStepTimes';
import { type Fate, judge, savingsSentence, type Verdict, verdictRule } from './verdict';

export function VerdictLine() {
  const verdict = useVerdict();
  const savings = useSavings();
  const ofDenoiser = useStepTimes('denoiser').measuring;
  const ofDecoder = useStepTimes('decoder').measuring;
  const measuring = ofDenoiser ?? ofDecoder;
  const wait = useStudio(waiting);
  const hasStudent = useStudio((state) => state.shown.student !== undefined);
  const dropped = useStudio((state) => state.plan.dropped.length > 0);
  if (!dropped) {
    if (!hasStudent) return <p className="verdict faint">The figures come with the first clips.</p>;
    return (
      <p className="verdict" data-testid="verdict" data-verdict="identical">
        <b>Identical</b> <span className="faint">Nothing is dropped: the student is the teacher.</span>
      </p>
    );
  }
  return (
    <p
      className="verdict"
      data-testid="verdict"
      data-content={verdict?.content}
      data-motion={verdict ? (verdict.motion ?? 'none') : undefined}
    >
      <b>{savings === '' ? 'Counting what the cut saves …' : `${savings};`}</b>{' '}
      {measuring && (
        <span className="faint" data-testid="times-measuring">
          measuring its time, {measuring.done} of {measuring.of};{' '}
        </span>
      )}
      {verdict ? <Fates verdict={verdict} /> : <span className="faint">{wait}</span>}
    </p>
  );
}

function Fates({ verdict }: { readonly verdict: Verdict }) {
  return (
    <Explain about={verdictRule} className="fates">
      <span>
        content <FateWord fate={verdict.content} />
        {verdict.motion === null ? (
          ', no motion to compare'
        ) : (
          <>
            , motion <FateWord fate={verdict.motion} />
          </>
        )}
      </span>
    </Explain>
  );
}

function FateWord({ fate }: { readonly fate: Fate }) {
  return (
    <b className="fate" data-fate={fate}>
      {fate}
    </b>
  );
}

/** Of the comparison on screen where it is of what is wanted and something is dropped. */
export function useVerdict(): Verdict | null {
  const comparison = useStudio((state) => (isComparisonCurrent(state) ? present(state.comparison).value : null));
  return comparison ? judge(comparison) : null;
}

/** Of the components that are cut; '' while they are counted. */
function useSavings(): string {
  const student = useStudio(studentTotals);
  const teacher = useStudio((state) => state.open?.tree.totals);
  const decoder = useStudio(decoderTotals);
  const { times } = useStepTimes('denoiser');
  const { times: decoderTimes } = useStepTimes('decoder');
  const cut = useStudio((state) =>
    COMPONENTS.filter((id) => planOfComponent(state.plan, id).dropped.length > 0).join(),
  );
  if (!student || !teacher) return '';
  const ofDenoiser = savingsSentence({ teacher, student, stepMs: sides(times) });
  if (!decoder || !cut.includes('decoder')) return ofDenoiser;
  const ofDecoder = `decoder: ${savingsSentence({ ...decoder, stepMs: sides(decoderTimes) })}`;
  return cut === 'decoder' ? `Of the ${ofDecoder}` : `${ofDenoiser}; of the ${ofDecoder}`;
}

const sides = (times: PairedTimes | null) =>
  times && { teacher: times.referenceMs, student: times.candidateMs, ratio: times.ratio };

function waiting(state: StudioState): string {
  if (state.open?.cannotRun !== undefined) return 'its clip cannot be made here.';
  const stands = standing(state, 'student');
  if (stands === 'running' || stands === 'queued') return 'its clip is being made …';
  return 'run it to see what became of content and motion.';
}
