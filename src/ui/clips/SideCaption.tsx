/** Over each clip: whose it is, how it stands, and its measured step time. */

import { formatMs } from '../format';
import { useStepTimes } from '../metrics/useStepTimes';
import { Icon } from '../parts/Icon';
import { isOfOtherSettings, type SideStanding, sideName, standing } from '../store/derived';
import { generateNow } from '../store/settings';
import type { Side } from '../store/state';
import { type Run, useStudio } from '../store/state';
import { useStoredClip } from '../store/storedClip';

export function SideCaption({ side }: { readonly side: Side }) {
  const stands = useStudio((state) => standing(state, side));
  const { times } = useStepTimes();
  const timeMs = side === 'teacher' ? times?.referenceMs : times?.candidateMs;
  const other = useStudio((state) => isOfOtherSettings(state, side));
  const name = useStudio((state) => sideName(state, side));
  const second = useStudio((state) => (side === 'second' ? (state.second?.name ?? '') : null));
  const shown = useStudio((state) => state.shown[side]?.clip);
  const stored = useStoredClip((state) => shown !== undefined && state.clip === shown);
  return (
    <figcaption className={`caption ${side}`}>
      <span className="caption-name">
        <span className="dot" /> {name}
      </span>
      {second !== null && <span className="faint truncate caption-second">{second}</span>}
      {timeMs !== undefined && (stands === 'done' || stands === 'running') && (
        <span className="faint caption-time">{formatMs(timeMs)} / step</span>
      )}
      {stored && (
        <span className="pill" data-testid="stored-clip">
          stored clip
        </span>
      )}
      <span
        className="caption-standing"
        data-testid={`${side}-standing`}
        data-standing={stands}
        data-other={other || undefined}
      >
        {other && stands !== 'stale' && <span className="pill warn">of other settings</span>}
        <Standing side={side} stands={stands} />
      </span>
    </figcaption>
  );
}

function standingOf({ step, steps }: Run): string {
  if (step === 0) return 'starting';
  return step === steps ? 'measuring' : `step ${step} / ${steps}`;
}

function Standing({ side, stands }: { readonly side: Side; readonly stands: SideStanding }) {
  const run = useStudio((state) => state.run);
  const identical = useStudio((state) => side === 'student' && stands === 'done' && state.plan.dropped.length === 0);
  const hasModel = useStudio((state) => state.open !== null && state.opening === null);
  switch (stands) {
    case 'running':
      return <span className="pill">{run ? standingOf(run) : null}</span>;
    case 'queued':
      return <span className="pill warn">about to run</span>;
    case 'stale':
      return (
        <>
          <span className="pill warn">stale</span>
          {side === 'student' && hasModel && (
            <button type="button" className="button small quiet" onClick={generateNow} data-testid="rerun">
              <Icon name="refresh" size={13} /> Run
            </button>
          )}
        </>
      );
    case 'done':
      return identical ? <span className="pill">nothing dropped</span> : null;
    case 'stored': // says so beside the name
    case 'empty':
      return null;
  }
}
