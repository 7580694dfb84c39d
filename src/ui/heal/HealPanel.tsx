/** Healing the student on screen: what to choose, where it stands, what it has learnt, and what comes of it. */
import { useEffect } from 'react';
import { planOfComponent, samePlan } from '../../blocks/plan';
import { cancelHealing, type HealingState, useHealing } from '../store/healing';
import { useStudio } from '../store/state';
import { HealChart } from './HealChart';
import { HealClips } from './HealClips';
import { HealControls } from './HealControls';
import { HealedStudents } from './HealedStudents';
import { HealOutcomeLine } from './HealOutcomeLine';
import { HealSettingsForm } from './HealSettingsForm';
import { HealStanding } from './HealStanding';
import { InterruptedRuns } from './InterruptedRuns';
import './heal.css';

export function HealPanel() {
  const healing = useHealing();
  const open = useStudio((state) => state.open);
  const isOfThis = useIsOfThis(healing);
  const otherModel = healing.of !== null && open !== null && healing.of.fingerprint !== open.fingerprint;
  useEffect(() => {
    if (otherModel) cancelHealing();
  }, [otherModel]);
  if (!open) return null;
  const shown = healing.running || isOfThis;
  return (
    <section className="heal" aria-label="Healing" data-testid="heal-panel">
      <div className="heal-head">
        <HealStanding healing={healing} isOfThis={isOfThis} />
        <span className="spacer" />
        <HealControls healing={healing} />
      </div>
      {!healing.running && open.cannotRun === undefined && (
        <>
          <InterruptedRuns />
          <HealSettingsForm />
        </>
      )}
      {healing.outcome && isOfThis && <HealOutcomeLine outcome={healing.outcome} />}
      {shown && (healing.heldOut.length > 0 || healing.clips) && (
        <div className="heal-live">
          {healing.heldOut.length > 0 && <HealChart training={healing.training} heldOut={healing.heldOut} />}
          {healing.clips && <HealClips clips={healing.clips} now={healing.now} />}
        </div>
      )}
      <HealedStudents />
    </section>
  );
}

/** The run that is on, or was last, is about the cut on screen: with the weights that it began or ended with. */
function useIsOfThis({ of, outcome }: HealingState): boolean {
  return useStudio(({ open, plan, weights }) => {
    if (of === null || of.fingerprint !== open?.fingerprint) return false;
    return (
      samePlan(of.edit.plan, planOfComponent(plan, 'denoiser')) &&
      (weights === of.edit.weights || weights === outcome?.weights)
    );
  });
}
