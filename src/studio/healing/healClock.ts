/** Time of a run of healing, over its interruptions: what it took, what a step takes, and how many fit into the minutes given. */
import { present } from '../../errors/present';
import type { HealSettings } from './healData';
import { MEASUREMENTS, WARM_UP_STEPS } from './healSchedule';

/** Steps after which the time of one is known. */
export const TIMED_STEPS = 8;

export class HealClock {
  private secondsBefore = 0;
  private readonly startMs = performance.now();
  /** After the first update of this process: the first takes longer. */
  private pace: { readonly startMs: number; readonly step: number } | undefined;
  private measureMs = 0;

  /** After so many seconds of earlier processes. */
  goOn(seconds: number): void {
    this.secondsBefore = seconds;
  }

  seconds(): number {
    return this.secondsBefore + (performance.now() - this.startMs) / 1000;
  }

  /** `step`: updates done. */
  stepped(step: number): void {
    this.pace ??= { startMs: performance.now(), step };
  }

  /** What the last measurement took. */
  measured(ms: number): void {
    this.measureMs = ms;
  }

  secondsLeft(step: number, planned: number): number {
    return (this.stepMs(step) / 1000) * (planned - step);
  }

  /** How many updates fit into the settings' minutes, `step` of them done. */
  stepsInTime(step: number, { minutes, steps }: HealSettings): number {
    const leftMs = present(minutes) * 60_000 - 1000 * this.seconds() - MEASUREMENTS * this.measureMs;
    return Math.min(steps, Math.max(2 * WARM_UP_STEPS, step + Math.floor(leftMs / this.stepMs(step))));
  }

  /** Clips and measurements in between included; 0 until two updates were done. */
  private stepMs(step: number): number {
    const done = this.pace === undefined ? 0 : step - this.pace.step;
    return done === 0 ? 0 : (performance.now() - present(this.pace).startMs) / done;
  }
}
