/** The lanes: order, cancelling, other pipelines' jobs, and background jobs that give way. Handlers count what they do. */
import { describe, expect, it } from 'vitest';
import { StudioError } from '../errors/StudioError';
import { nextTask } from '../runtime/nextTask';
import { createJobLanes, type Handlers, type JobContext } from './jobLanes';
import { LANES, type Reply, type Request } from './protocol';

/** Lanes whose `sample` takes so many steps, with a turn of the event loop after each, and logs them. */
function lanesOf(open: string | undefined, background: boolean, beforePausing?: (log: string[]) => Promise<void>) {
  const replies: Reply[] = [];
  const log: string[] = [];
  const steps = async ({ seed, steps }: { seed: number; steps: number }, { signal, turn }: JobContext<'sample'>) => {
    for (let step = 1; step <= steps; step++) {
      signal.throwIfAborted();
      if (background) await turn(beforePausing && (() => beforePausing(log)));
      log.push(`${seed}:${step}`);
      await nextTask();
    }
  };
  const handlers = {
    sample: (request, context) => steps(request.takes[0]!.settings, context) as never,
    summarise: async ({ plan }) => {
      log.push(`summary ${plan.dropped.join()}`);
      await nextTask();
      return {} as never;
    },
    export: async () => {
      throw new StudioError('library/quota', 'No room.');
    },
    analyze: async () => ({}) as never,
    plan: async () => ({}) as never,
    grid: async () => ({}) as never,
    features: async () => ({}) as never,
    checkIds: async () => [],
    perceived: async () => ({}) as never,
    scores: async () => [],
    times: async (_, { turn, alone }) => {
      await turn();
      for (let step = 1; step <= 3; step++) await nextTask();
      log.push(`timed ${alone() ? 'alone' : 'beside another'}`);
      await turn();
      log.push(`timed again ${alone() ? 'alone' : 'beside another'}`);
      return null;
    },
    listStored: async () => ({}) as never,
    deleteStored: async () => null,
    counters: async () => ({}) as never,
    open: async () => ({}) as never,
    fingerprint: async () => '',
    heal: async () => ({}) as never,
    finishHealing: async () => null,
  } as Handlers;
  const lanes = createJobLanes({
    handlers,
    post: (reply) => void replies.push(reply),
    openPipeline: () => open,
    onError: async () => undefined,
    ...(background ? { lanes: { ...LANES, sample: 'background' as const } } : {}),
  });
  return { lanes, replies, log };
}

const sample = (id: number, seed: number, steps: number, pipeline: string | undefined = 'a'): Request => ({
  type: 'job',
  id,
  job: 'sample',
  pipeline,
  input: { takes: [{ variant: { edits: {} }, settings: { prompt: '', seed, steps, guidance: 1 } }], previewEvery: 0 },
});
const summarise = (id: number, name: string): Request => ({
  type: 'job',
  id,
  job: 'summarise',
  pipeline: 'a',
  input: { plan: { dropped: [name] } },
});

async function settled(replies: readonly Reply[], count: number): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    if (replies.filter(({ type }) => ['done', 'failed', 'cancelled'].includes(type)).length >= count) return;
    await nextTask();
  }
  throw new Error(`only ${JSON.stringify(replies)}`);
}

describe('job lanes', () => {
  it('run interactive jobs one after the other, and say how each ended', async () => {
    const { lanes, replies, log } = lanesOf('a', false);
    lanes.take(sample(1, 7, 2));
    lanes.take(summarise(2, 'x'));
    lanes.take({ type: 'job', id: 3, job: 'export', pipeline: 'a', input: {} as never });
    await settled(replies, 3);
    expect(log).toEqual(['7:1', '7:2', 'summary x']);
    expect(replies.map((reply) => [reply.type, 'id' in reply ? reply.id : 0])).toEqual([
      ['done', 1],
      ['done', 2],
      ['failed', 3],
    ]);
  });

  it('cancel a running job within one step, and one that has not begun never begins', async () => {
    const { lanes, replies, log } = lanesOf('a', false);
    lanes.take(sample(1, 7, 16));
    lanes.take(sample(2, 8, 16));
    while (log.length < 1) await nextTask();
    lanes.take({ type: 'cancel', id: 1 });
    lanes.take({ type: 'cancel', id: 2 });
    const before = log.length;
    await settled(replies, 2);
    expect(log.length - before).toBeLessThanOrEqual(1);
    expect(replies.map(({ type }) => type)).toEqual(['cancelled', 'cancelled']);
    expect(log.some((line) => line.startsWith('8:'))).toBe(false);
  });

  it.each([false, true])(
    'answer the cancel of one that waits while the one before it runs (background: %s)',
    async (background) => {
      const { lanes, replies, log } = lanesOf('a', background);
      lanes.take(sample(1, 1, 6));
      lanes.take(sample(2, 2, 3));
      lanes.take(sample(3, 3, 1));
      await nextTask();
      await nextTask();
      lanes.take({ type: 'cancel', id: 2 });
      expect(replies).toEqual([{ type: 'cancelled', id: 2 }]); // it need not wait for its turn to be told
      lanes.take({ type: 'cancel', id: 2 });
      for (let turn = 0; turn < 20; turn++) await nextTask();
      expect(replies.map((reply) => [reply.type, 'id' in reply && reply.id])).toEqual([
        ['cancelled', 2],
        ['done', 1],
        ['done', 3],
      ]);
      expect(log.filter((line) => line.startsWith('2:'))).toEqual([]);
    },
  );

  it('refuse jobs of a pipeline that is not open, and of none', async () => {
    const { lanes, replies, log } = lanesOf('b', false);
    lanes.take(sample(1, 7, 2, 'a'));
    await settled(replies, 1);
    expect(replies[0]).toMatchObject({ type: 'failed', error: { code: 'engine/other-pipeline' } });
    const closed = lanesOf(undefined, false);
    closed.lanes.take(sample(1, 7, 2, 'a'));
    await settled(closed.replies, 1);
    expect(closed.replies[0]).toMatchObject({ type: 'failed', error: { code: 'engine/no-pipeline' } });
    expect([...log, ...closed.log]).toEqual([]);
  });

  it('let interactive jobs go before the next step of a background job', async () => {
    const { lanes, replies, log } = lanesOf('a', true);
    lanes.take(sample(1, 7, 6));
    while (log.length < 2) await nextTask();
    lanes.take(summarise(2, 'x'));
    lanes.take(summarise(3, 'y'));
    const at = log.length;
    await settled(replies, 3);
    expect(log.slice(at).slice(0, 2)).toEqual(['summary x', 'summary y']);
    expect(log.at(-1)).toBe('7:6');
  });

  it('pause background jobs after their step, and go on', async () => {
    const { lanes, replies, log } = lanesOf('a', true);
    lanes.take(sample(1, 7, 6));
    while (log.length < 2) await nextTask();
    lanes.take({ type: 'pause', paused: true });
    for (let turn = 0; turn < 5; turn++) await nextTask();
    const at = log.length;
    for (let turn = 0; turn < 20; turn++) await nextTask();
    expect(log.length).toBe(at);
    lanes.take({ type: 'pause', paused: false });
    await settled(replies, 1);
    expect(log).toHaveLength(6);
  });

  it.each(['at once', 'behind what goes first'])('let a job prepare for a pause that comes %s', async (when) => {
    const { lanes, replies, log } = lanesOf('a', true, async (lines) => {
      await nextTask();
      lines.push('kept');
    });
    lanes.take(sample(1, 7, 6));
    while (log.length < 2) await nextTask();
    if (when !== 'at once') lanes.take(summarise(2, 'x'));
    lanes.take({ type: 'pause', paused: true });
    for (let turn = 0; turn < 20; turn++) await nextTask();
    expect(log.slice(-2)).toEqual(when === 'at once' ? [expect.stringContaining('7:'), 'kept'] : ['summary x', 'kept']);
    lanes.take({ type: 'pause', paused: false });
    await settled(replies, when === 'at once' ? 1 : 2);
    expect(log.filter((line) => line.startsWith('7:'))).toHaveLength(6);
    expect(log.filter((line) => line === 'kept')).toHaveLength(1);
  });

  it('stop background jobs that are running, paused or waiting, before a model is closed', async () => {
    const { lanes, replies, log } = lanesOf('a', true);
    lanes.take(sample(1, 7, 600));
    lanes.take(sample(2, 8, 600));
    while (log.length < 1) await nextTask();
    lanes.take({ type: 'pause', paused: true });
    await lanes.stopBackground();
    expect(replies.map(({ type }) => type)).toEqual(['cancelled', 'cancelled']);
    expect(log.some((line) => line.startsWith('8:'))).toBe(false);
  });

  it('answer what asks for counts while another job runs', async () => {
    const { lanes, replies, log } = lanesOf('a', false);
    lanes.take(sample(1, 7, 16));
    while (log.length < 1) await nextTask();
    lanes.take({ type: 'job', id: 2, job: 'counters', pipeline: undefined, input: {} });
    await settled(replies, 1);
    expect(replies[0]).toMatchObject({ type: 'done', id: 2 });
    expect(log.length).toBeLessThan(16);
    await settled(replies, 2);
  });

  it('measure times while nothing of the background runs, and know when a person asked for something', async () => {
    const { lanes, replies, log } = lanesOf('a', true);
    const times = { type: 'job', job: 'times', pipeline: 'a', input: {} as never } as const;
    lanes.take(sample(1, 7, 4));
    while (log.length < 1) await nextTask();
    lanes.take({ ...times, id: 2 });
    await settled(replies, 2);
    expect(log.slice(-6).filter((line) => !line.startsWith('7:'))).toEqual(['timed alone', 'timed again alone']);
    expect(log.indexOf('timed again alone') - log.indexOf('timed alone')).toBe(1);
    expect(log.at(-1)).toBe('7:4');
    lanes.take({ ...times, id: 3 });
    await nextTask();
    lanes.take(summarise(4, 'x'));
    await settled(replies, 4);
    expect(log.slice(-3)).toEqual(['summary x', 'timed beside another', 'timed again alone']);
  });

  it('answer a ping', () => {
    const { lanes, replies } = lanesOf(undefined, false);
    lanes.take({ type: 'ping' });
    expect(replies).toEqual([{ type: 'pong' }]);
  });
});
