/** Tells screen readers what happens without a click: a run or a job begins, ends or is cancelled, a model is opened. */

import { useEffect, useState } from 'react';
import { present } from '../../errors/present';
import { fateSentence, judge } from '../metrics/verdict';
import { isComparisonCurrent } from '../store/derived';
import { useGrid } from '../store/grid';
import { useHealing } from '../store/healing';
import { usePlanning } from '../store/planning';
import { type StudioState, useStudio } from '../store/state';
import { newsOfExport, newsOfGrid, newsOfHealing, newsOfPlanning } from './newsOfJobs';

export function Announcer() {
  const [text, setText] = useState('');
  useEffect(() => {
    const say = (news: string | null) => news !== null && setText(news);
    const ends = [
      useStudio.subscribe((state, before) => say(newsOf(state, before) ?? newsOfExport(state, before))),
      useHealing.subscribe((state, before) => say(newsOfHealing(state, before))),
      usePlanning.subscribe((state, before) => say(newsOfPlanning(state, before))),
      useGrid.subscribe((state, before) => say(newsOfGrid(state, before))),
    ];
    return () => ends.forEach((end) => end());
  }, []);
  return (
    <div className="visually-hidden" role="status" aria-live="polite" data-testid="announcer">
      {text}
    </div>
  );
}

/** What a change of the state is worth saying; null for most. */
export function newsOf(state: StudioState, before: StudioState): string | null {
  if (state.run && !before.run) return state.run.withTeacher ? 'Sampling both clips.' : 'Sampling the student.';
  if (before.run && !state.run && !state.runPending) {
    if (!isComparisonCurrent(state)) return state.problem ? null : 'Run stopped.';
    if (state.plan.dropped.length === 0) return 'Both clips are done; nothing is dropped.';
    return `Both clips are done: ${fateSentence(judge(present(state.comparison).value))}.`;
  }
  if (state.opening && !before.opening) return `Opening ${state.opening.name}.`;
  if (before.opening && !state.opening && state.open && state.open !== before.open)
    return `${state.open.description.name} is open.`;
  return null;
}
