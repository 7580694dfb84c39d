/** The client against workers that answer, die, hang and do not listen: nothing may be left waiting. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createEngineClient, type WorkerLike } from './client';
import type { OpenedPipeline, Reply, Request, StatusReply } from './protocol';

const patience = {
  pingEveryMs: 10,
  silentMs: 50,
  openingMs: 400,
  firstCallMs: 2000,
  firstCallMsPerMegabyte: 1000,
  cancelMs: 60,
  cancelBusyMs: 200,
};

/** A worker that answers as it is told to, and remembers what it was asked. */
class FakeWorker implements WorkerLike {
  readonly asked: Request[] = [];
  terminated = false;
  answer: (request: Request, reply: (reply: Reply) => void) => void;
  private readonly messages: ((event: { data: Reply }) => void)[] = [];
  private readonly errors: ((event: { message?: string }) => void)[] = [];

  constructor(answer: FakeWorker['answer']) {
    this.answer = answer;
    setTimeout(() => this.say({ type: 'pong' }), 0);
  }
  postMessage(request: Request): void {
    this.asked.push(request);
    setTimeout(() => this.answer(request, (reply) => this.say(reply)), 0);
  }
  terminate(): void {
    this.terminated = true;
  }
  addEventListener(type: 'message' | 'error', listener: never): void {
    (type === 'message' ? this.messages : this.errors).push(listener);
  }
  say(data: Reply): void {
    for (const listener of this.messages) listener({ data });
  }
  die(message: string): void {
    for (const listener of this.errors) listener({ message });
  }
}

const pipelineOf = (id: string) => ({ id, status: { backend: 'wasm' } }) as unknown as OpenedPipeline;

/** Opens, counts and pings; leaves `sample` without an answer. */
const diligent =
  (id: string): FakeWorker['answer'] =>
  (request, reply) => {
    if (request.type === 'ping') reply({ type: 'pong' });
    if (request.type !== 'job') return;
    if (request.job === 'open') reply({ type: 'done', id: request.id, job: 'open', output: pipelineOf(id) });
    if (request.job === 'counters') reply({ type: 'done', id: request.id, job: 'counters', output: {} as never });
  };

const folder = { kind: 'url', name: 'm', url: 'http://x/' } as never;
const request = { folder, backend: 'wasm' } as const;
const sampling = { takes: [], previewEvery: 0 };

let dispose: () => void = () => undefined;
afterEach(() => dispose());

/** Locks that workers hold until a test ends them. */
function locksOf() {
  const free = new Map<string, () => void>();
  const lockFreed = (lock: string, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      free.set(lock, resolve);
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  return { free: (lock: string) => free.get(lock)?.(), lockFreed };
}

function clientOf(...answers: FakeWorker['answer'][]) {
  const workers: FakeWorker[] = [];
  const events: StatusReply[] = [];
  const { free, lockFreed } = locksOf();
  const client = createEngineClient(
    () => {
      const worker = new FakeWorker(answers[Math.min(workers.length, answers.length - 1)]!);
      workers.push(worker);
      return worker;
    },
    patience,
    lockFreed,
  );
  client.onStatus((event) => void events.push(event));
  dispose = () => client.dispose();
  return { client, workers, events, free };
}

const call = { kind: 'run unet/model.onnx on 1x4x16x8x8', weightBytes: 1e6 };

/** A call into the runtime that takes so long. */
async function called(worker: FakeWorker, tookMs: number, what = call): Promise<void> {
  worker.say({ type: 'busy', busy: true, call: what });
  await new Promise((resolve) => setTimeout(resolve, tookMs));
  worker.say({ type: 'busy', busy: false, tookMs });
}

const jobsOf = (worker: FakeWorker) => worker.asked.flatMap((asked) => (asked.type === 'job' ? [asked] : []));

describe('the client', () => {
  it('names the pipeline in every job of one', async () => {
    const { client, workers } = clientOf(diligent('p1'));
    await client.open(request);
    void client.sample(sampling).catch(() => undefined);
    await client.counters({});
    expect(jobsOf(workers[0]!).map(({ job, pipeline }) => [job, pipeline])).toEqual([
      ['open', undefined],
      ['sample', 'p1'],
      ['counters', undefined],
    ]);
  });

  it('notices a worker that died: what waited is rejected, the model is opened again', async () => {
    const { client, workers, events } = clientOf(diligent('p1'), diligent('p2'));
    await client.open(request);
    const waits = client.sample(sampling);
    await Promise.resolve();
    workers[0]!.die('out of memory');
    await expect(waits).rejects.toMatchObject({ code: 'engine/stopped' });
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ event: 'worker-restarted', opened: { id: 'p2' } }));
    expect(workers[0]!.terminated).toBe(true);
    void client.sample(sampling).catch(() => undefined);
    await vi.waitFor(() => expect(jobsOf(workers[1]!).at(-1)).toMatchObject({ job: 'sample', pipeline: 'p2' }));
  });

  it('notices at once a worker whose lock is freed, also inside the runtime, and once', async () => {
    const { client, workers, events, free } = clientOf(diligent('p1'), diligent('p2'));
    workers[0]!.say({ type: 'alive', lock: 'first' });
    await client.open(request);
    const waits = client.sample(sampling);
    waits.catch(() => undefined);
    await Promise.resolve();
    workers[0]!.say({ type: 'busy', busy: true, call }); // a first call, which may take minutes
    free('first');
    await expect(waits).rejects.toMatchObject({ code: 'engine/stopped', facts: { why: 'its worker ended' } });
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ event: 'worker-restarted', opened: { id: 'p2' } }));
    workers[1]!.say({ type: 'alive', lock: 'second' });
    workers[1]!.die('out of memory');
    free('second'); // as it is ended
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ event: 'worker-restarted', opened: { id: 'p2' } }));
    expect(workers).toHaveLength(3);
  });

  it('gives a first call time by the weights, and not for ever', async () => {
    const { client, workers } = clientOf(diligent('p1'), diligent('p2'));
    await client.open(request);
    const waits = client.sample(sampling);
    waits.catch(() => undefined);
    workers[0]!.say({ type: 'busy', busy: true, call: { kind: 'session unet', weightBytes: 0.5e6 } });
    await new Promise((resolve) => setTimeout(resolve, patience.firstCallMs));
    expect(workers).toHaveLength(1);
    await expect(waits).rejects.toMatchObject({ code: 'engine/stopped' });
    expect(workers).toHaveLength(2);
  });

  it('takes a first call for what it is, where the same call was short before a device was remade', async () => {
    const { client, workers } = clientOf(diligent('p1'), diligent('p2'));
    await client.open(request);
    await called(workers[0]!, 2);
    workers[0]!.say({ type: 'status', event: 'device-remade' });
    await called(workers[0]!, 3 * patience.silentMs); // shaders are compiled again
    expect(workers).toHaveLength(1);
  });

  it('notices one that does not answer, unless it is inside the runtime', async () => {
    const deaf: FakeWorker['answer'] = (asked, reply) => {
      if (asked.type !== 'ping') diligent('p1')(asked, reply);
    };
    const { client, workers, events } = clientOf(deaf, diligent('p2'));
    await client.open(request);
    workers[0]!.say({ type: 'busy', busy: true });
    await new Promise((resolve) => setTimeout(resolve, 4 * patience.silentMs));
    expect(workers).toHaveLength(1);
    workers[0]!.say({ type: 'busy', busy: false, tookMs: 0 });
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ opened: { id: 'p2' } }), { timeout: 3000 });
  });

  it('notices one that is stuck in a call, by what calls of its kind took before', async () => {
    const { client, workers, events } = clientOf(diligent('p1'), diligent('p2'));
    await client.open(request);
    const waits = client.sample(sampling);
    waits.catch(() => undefined);
    await called(workers[0]!, 3 * patience.silentMs); // the first: nobody knows how long it takes
    await called(workers[0]!, 6 * patience.silentMs); // longer than the first, and not ten times as long
    expect(workers).toHaveLength(1);
    await client.open(request); // forgets, as it may be another model
    await called(workers[0]!, 2);
    workers[0]!.say({ type: 'busy', busy: true, call });
    await expect(waits).rejects.toMatchObject({
      code: 'engine/stopped',
      facts: { why: expect.stringContaining('call') },
    });
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ event: 'worker-restarted', opened: { id: 'p2' } }));
  });

  it('waits for a cancel as long as the call that is in the way may take', async () => {
    const { client, workers } = clientOf(diligent('p1'), diligent('p2'));
    await client.open(request);
    await called(workers[0]!, 4 * patience.cancelBusyMs);
    const abort = new AbortController();
    const waits = client.sample(sampling, { signal: abort.signal });
    waits.catch(() => undefined);
    await Promise.resolve();
    workers[0]!.say({ type: 'busy', busy: true, call });
    abort.abort();
    await new Promise((resolve) => setTimeout(resolve, 2 * patience.cancelBusyMs));
    expect(workers).toHaveLength(1); // a model whose calls are long
    workers[0]!.say({ type: 'busy', busy: false, tookMs: 0 });
    await expect(waits).rejects.toMatchObject({ name: 'AbortError' }); // it did not heed it between two calls either
    expect(workers).toHaveLength(2);
  });

  it('waits longer for one that prepares to heal, and no longer than for others once it trains', async () => {
    let answers = true;
    const moody: FakeWorker['answer'] = (asked, reply) => {
      if (asked.type !== 'ping' || answers) diligent('p1')(asked, reply);
    };
    const { client, workers } = clientOf(moody, diligent('p2'));
    await client.open(request);
    const waits = client.heal({ edit: { plan: { dropped: [] }, weights: 'original' }, settings: {} as never });
    waits.catch(() => undefined);
    await vi.waitFor(() => expect(jobsOf(workers[0]!).at(-1)).toMatchObject({ job: 'heal' }));
    const { id } = jobsOf(workers[0]!).at(-1)!;
    const heals = (phase: 'graphs' | 'training') =>
      workers[0]!.say({ type: 'progress', id, job: 'heal', progress: { phase, done: 0, of: 1 } });
    answers = false;
    heals('graphs');
    await new Promise((resolve) => setTimeout(resolve, 4 * patience.silentMs));
    expect(workers).toHaveLength(1);
    heals('training');
    await expect(waits).rejects.toMatchObject({ code: 'engine/stopped' });
    expect(workers).toHaveLength(2);
  });

  it('ends one that does not heed a cancel; the job counts as cancelled', async () => {
    const { client, workers } = clientOf(diligent('p1'), diligent('p2'));
    await client.open(request);
    const abort = new AbortController();
    const waits = client.sample(sampling, { signal: abort.signal });
    await Promise.resolve();
    abort.abort();
    await expect(waits).rejects.toMatchObject({ name: 'AbortError' });
    expect(workers[0]!.asked.some(({ type }) => type === 'cancel')).toBe(true);
    await vi.waitFor(() => expect(workers).toHaveLength(2));
  });

  it('opens on the next worker what waited behind a cancelled opening that was not heeded', async () => {
    const stuck: FakeWorker['answer'] = (asked, reply) => {
      if (asked.type === 'ping') reply({ type: 'pong' });
    };
    const { client, workers } = clientOf(stuck, diligent('p2'));
    const abort = new AbortController();
    const first = client.open(request, { signal: abort.signal });
    const second = client.open(request);
    abort.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    await expect(second).resolves.toMatchObject({ id: 'p2' });
    expect(workers).toHaveLength(2);
  });

  it('tries an opening that ends its worker once more, and then says so', async () => {
    const { client, workers } = clientOf(() => undefined);
    const opening = client.open(request);
    await Promise.resolve();
    workers[0]!.die('out of memory');
    await vi.waitFor(() => expect(jobsOf(workers[1]!)).toHaveLength(1));
    workers[1]!.die('out of memory');
    await expect(opening).rejects.toMatchObject({ code: 'engine/stopped' });
  });

  it('gives up an engine that dies again and again, and says so', async () => {
    const { client, workers, events } = clientOf(diligent('p1'));
    await client.open(request);
    for (let death = 0; death < 6; death++) {
      const count = workers.length;
      workers.at(-1)!.die('crash');
      if (workers.length === count) break;
    }
    expect(workers.length).toBeLessThanOrEqual(6);
    expect(events.at(-1)).toMatchObject({ event: 'worker-restarted', problem: { code: 'engine/stopped' } });
    await expect(client.counters({})).rejects.toMatchObject({ code: 'engine/stopped' });
  });

  it('takes no progress of a cancelled job, and nothing from a worker that was ended', async () => {
    const { client, workers } = clientOf(diligent('p1'), diligent('p2'));
    await client.open(request);
    const abort = new AbortController();
    const seen: unknown[] = [];
    const waits = client.sample(sampling, { signal: abort.signal, onProgress: (progress) => void seen.push(progress) });
    await Promise.resolve();
    const { id } = jobsOf(workers[0]!).at(-1)!;
    abort.abort();
    workers[0]!.say({ type: 'progress', id, job: 'sample', progress: {} as never });
    workers[0]!.say({ type: 'cancelled', id });
    await expect(waits).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen).toEqual([]);
    workers[0]!.die('crash');
    workers[0]!.say({ type: 'status', event: 'device-lost' });
    expect(workers).toHaveLength(2);
  });
});
