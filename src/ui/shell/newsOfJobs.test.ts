import { describe, expect, it } from 'vitest';
import type { GridState } from '../store/grid';
import type { HealingState } from '../store/healing';
import type { PlanningState } from '../store/planning';
import type { StudioState } from '../store/state';
import { newsOfExport, newsOfGrid, newsOfHealing, newsOfPlanning } from './newsOfJobs';

describe('jobs in the background are announced', () => {
  it('healing: that it began, and what came of it', () => {
    const idle = { running: false, outcome: null } as HealingState;
    const running = { running: true, outcome: null } as HealingState;
    const outcome = { before: { total: 2 }, best: { total: 0.5 } };
    const ended = (weights?: string) => ({ running: false, outcome: { ...outcome, weights } }) as HealingState;
    expect(newsOfHealing(running, idle)).toBe('Healing has begun.');
    expect(newsOfHealing({ ...running, paused: true }, running)).toBeNull();
    expect(newsOfHealing(ended('abc'), running)).toMatch(/healed: held-out error 2\.?0* before, 0\.50* now/);
    expect(newsOfHealing(ended(), running)).toContain('untouched student was kept');
    expect(newsOfHealing(idle, running)).toBe('Healing was ended.');
  });

  it('measuring and searching, once at each end and not at every unit', () => {
    const at = (change: object) =>
      ({ running: null, units: [], result: null, allMeasured: false, ...change }) as unknown as PlanningState;
    const measuring = at({ running: { job: 'analyze', done: 0 } });
    expect(newsOfPlanning(measuring, at({}))).toBe('Measuring which blocks matter has begun.');
    expect(newsOfPlanning(at({ running: { job: 'analyze', done: 1 }, units: [1] }), measuring)).toBeNull();
    expect(newsOfPlanning(at({ units: [1, 2, 3], allMeasured: true }), measuring)).toBe('All 3 blocks are measured.');
    expect(newsOfPlanning(at({ units: [1] }), measuring)).toBe('Measuring was stopped; 1 block is measured.');
    const searching = at({ running: { job: 'plan' } });
    expect(newsOfPlanning(at({ result: {} }), searching)).toBe('Plans were found.');
    expect(newsOfPlanning(at({}), searching)).toBe('The search was stopped.');
  });

  it('a batch of clips and an export', () => {
    const grid = (done: number | null) => ({ running: done === null ? null : { done, of: 4 } }) as GridState;
    expect(newsOfGrid(grid(0), grid(null))).toBe('Measuring 4 takes has begun.');
    expect(newsOfGrid(grid(3), grid(2))).toBeNull();
    expect(newsOfGrid(grid(null), grid(4))).toBe('All 4 takes are measured.');
    expect(newsOfGrid(grid(null), grid(2))).toBe('Measuring takes was stopped after 2 of 4.');
    const exporting = (change: object) =>
      ({ exporting: null, exported: null, problem: null, ...change }) as unknown as StudioState;
    expect(newsOfExport(exporting({ exporting: {} }), exporting({}))).toBe('The export has begun.');
    expect(newsOfExport(exporting({ exported: {} }), exporting({ exporting: {} }))).toBe('The student is exported.');
    expect(newsOfExport(exporting({ problem: {} }), exporting({ exporting: {} }))).toBeNull();
  });
});
