/**
 * Jobs, cancels and pauses in every order that a machine finds: whatever comes when, each job ends exactly once, jobs of
 * a lane never overlap, a cancelled one does at most one more step, and a background job does none while a person waits.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextTask } from '../runtime/nextTask';
import { createJobLanes, type Handlers, type JobContext } from './jobLanes';
import { LANES, type Reply, type Request } from './protocol';

type Event =
  | {
      readonly kind: 'job';
      readonly lane: 'interactive' | 'background';
      readonly steps: number;
      readonly fails: boolean;
    }
  | { readonly kind: 'cancel'; readonly which: number }
  | { readonly kind: 'pause'; readonly paused: boolean }
  | { readonly kind: 'wait'; readonly turns: number };

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('job' as const),
      lane: fc.constantFrom('interactive' as const, 'background' as const),
      steps: fc.integer({ min: 0, max: 4 }),
      fails: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), paused: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), turns: fc.integer({ min: 1, max: 4 }) }) },
);

interface Job {
  readonly id: number;
  readonly lane: 'interactive' | 'background';
  readonly steps: number;
  readonly fails: boolean;
  done: number;
  doneAtCancel?: number;
}

/** Lanes whose `sample` is interactive and whose `analyze` is in the background; what breaks a rule is collected. */
function world() {
  const jobs: Job[] = [];
  const replies: Reply[] = [];
  const broken: string[] = [];
  const running = { interactive: new Set<number>(), background: new Set<number>() };
  let paused = false;
  const work = async (input: unknown, { signal, turn }: JobContext<'sample'>): Promise<never> => {
    const job = jobs[input as number]!;
    const lane = running[job.lane];
    lane.add(job.id);
    if (lane.size > 1) broken.push(`${[...lane].join()} overlap in ${job.lane}`);
    try {
      for (let step = 0; step < job.steps; step++) {
        signal.throwIfAborted();
        if (job.lane === 'background') {
          await turn();
          if (running.interactive.size > 0)
            broken.push(`${job.id} steps while ${[...running.interactive].join()} runs`);
          if (paused) broken.push(`${job.id} steps while paused`);
        }
        job.done++;
        await nextTask();
      }
      if (job.fails) throw new Error('planted');
      return null as never;
    } finally {
      lane.delete(job.id);
    }
  };
  const handlers = { sample: work, analyze: work } as unknown as Handlers;
  const lanes = createJobLanes({
    handlers,
    post: (reply) => void replies.push(reply),
    openPipeline: () => 'a',
    onError: async () => nextTask(),
    lanes: LANES,
  });
  const take = (one: Event): void => {
    if (one.kind === 'job') {
      const id = jobs.length;
      jobs.push({ ...one, id, done: 0 });
      const job = one.lane === 'interactive' ? 'sample' : 'analyze';
      lanes.take({ type: 'job', id, job, pipeline: 'a', input: id } as unknown as Request);
    } else if (one.kind === 'cancel') {
      const job = jobs[one.which];
      if (!job) return;
      if (!replies.some((reply) => 'id' in reply && reply.id === job.id)) job.doneAtCancel ??= job.done;
      lanes.take({ type: 'cancel', id: job.id });
    } else if (one.kind === 'pause') {
      paused = one.paused;
      lanes.take({ type: 'pause', paused });
    }
  };
  return { jobs, replies, broken, take, lanes };
}

describe('jobs in any order', () => {
  it('keep every rule of their lanes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 25 }), async (events) => {
        const { jobs, replies, broken, take } = world();
        for (const one of events) {
          if (one.kind === 'wait') for (let turn = 0; turn < one.turns; turn++) await nextTask();
          else take(one);
        }
        take({ kind: 'pause', paused: false });
        for (let turn = 0; turn < 400 && replies.length < jobs.length; turn++) await nextTask();
        expect(broken).toEqual([]);
        const ended = replies.map((reply) => ('id' in reply ? reply.id : -1));
        expect(ended.toSorted((a, b) => a - b)).toEqual(jobs.map(({ id }) => id)); // each once
        for (const lane of ['interactive', 'background']) {
          const own = replies.filter(
            (reply) => 'id' in reply && jobs[reply.id]!.lane === lane && reply.type !== 'cancelled',
          );
          const order = own.map((reply) => ('id' in reply ? reply.id : -1));
          expect(order).toEqual(order.toSorted((a, b) => a - b)); // in the order of arrival
        }
        for (const { id, done, doneAtCancel, steps, fails } of jobs) {
          const reply = replies.find((one) => 'id' in one && one.id === id)!;
          if (doneAtCancel !== undefined) expect(done - doneAtCancel).toBeLessThanOrEqual(1);
          else expect([reply.type, done]).toEqual([fails ? 'failed' : 'done', steps]);
        }
      }),
      { numRuns: 150, seed: 8 },
    );
  });

  it('leave nothing running when the background is stopped, whenever that comes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 15 }), async (events) => {
        const { jobs, replies, take, lanes } = world();
        for (const one of events) {
          if (one.kind === 'wait') for (let turn = 0; turn < one.turns; turn++) await nextTask();
          else take(one);
        }
        const background = jobs.filter(({ lane }) => lane === 'background').map(({ id }) => id);
        await lanes.stopBackground();
        const ended = new Set(replies.map((reply) => ('id' in reply ? reply.id : -1)));
        expect(background.filter((id) => !ended.has(id))).toEqual([]);
      }),
      { numRuns: 80, seed: 9 },
    );
  });
});
