/** The client against workers that answer, die, hang and do not listen: nothing may be left waiting. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createEngineClient, type WorkerLike } from './client';
import { type OpenedPipeline, type Reply, type Request, type StatusReply, SUPERSEDED } from './protocol';

const patience = {
  pingEveryMs: 10,
  silentMs: 50,
  openingMs: 400,
  msPerGigaMac: 1000,
  sessionMs: 30,
  msPerNode: 1,
  msPerPairOfNodes: 0.01,
  msPerMegabyte: 1000,
  uncountedMs: 400,
  cancelMs: 60,
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
afterEach(() => {
  dispose();
  vi.useRealTimers();
});

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
/** Takes no time to speak of, so that it is waited for as long as any answer. */
const counted = { kind: 'run tiny/model.onnx on 1x4x1x8x8', weightBytes: 1e6, macs: 1000 };

/** A call into the runtime that takes so long. */
async function called(worker: FakeWorker, tookMs: number, what = call): Promise<void> {
  worker.say({ type: 'busy', busy: true, call: what });
  await new Promise((resolve) => setTimeout(resolve, tookMs));
  worker.say({ type: 'busy', busy: false, tookMs });
}

/** Its clock moves by `pass` alone; the model is open, and every worker after the first opens it as p2. */
async function fakedClient() {
  vi.useFakeTimers();
  const made = clientOf(diligent('p1'), diligent('p2'));
  const opening = made.client.open(request);
  await pass(10);
  await opening;
  return made;
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

const jobsOf = (worker: FakeWorker) => worker.asked.flatMap((asked) => (asked.type === 'job' ? [asked] : []));

describe('the client', () => {
  it('asks at once: the page draws after the message is out, not before', async () => {
    const { client, workers } = clientOf(diligent('p1'));
    await client.open(request);
    void client.sample(sampling).catch(() => undefined);
    expect(jobsOf(workers[0]!).map(({ job }) => job)).toEqual(['open', 'sample']); // no turn of any queue in between
  });

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
    workers[0]!.say({ type: 'busy', busy: true, call }); // a first call, which is waited for
    free('first');
    await expect(waits).rejects.toMatchObject({ code: 'engine/stopped', facts: { why: 'its worker ended' } });
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ event: 'worker-restarted', opened: { id: 'p2' } }));
    workers[1]!.say({ type: 'alive', lock: 'second' });
    workers[1]!.die('out of memory');
    free('second'); // as it is ended
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ event: 'worker-restarted', opened: { id: 'p2' } }));
    expect(workers).toHaveLength(3);
  });

  it.each([
    ['session unet', { weightBytes: 0.5e6 }, 900],
    ['session tiny', { weightBytes: 0.1e6, nodes: 100 }, 330],
    ['session vast', { weightBytes: 0.1e6, nodes: 1e6 }, 500],
    ['run unet on 1x4', { weightBytes: 9e6, macs: 0.4e9 }, 400],
    ['run unet on 1x4', { weightBytes: 9e6, macs: 0.04e9, software: true as const }, 600],
    ['run encoder on 1x77', { weightBytes: 0.1e6 }, 500],
  ])('waits for a first %s by its work, and then no longer than for others', async (kind, work, workMs) => {
    const { client, workers, events } = await fakedClient();
    const failed = vi.fn();
    client.sample(sampling).catch(failed);
    await pass(0);
    workers[0]!.say({ type: 'busy', busy: true, call: { kind, ...work } });
    await pass(workMs + patience.silentMs - 5);
    expect(workers).toHaveLength(1);
    await pass(5 + 3 * patience.pingEveryMs);
    expect(failed).toHaveBeenCalledWith(expect.objectContaining({ code: 'engine/stopped' }));
    await pass(10);
    expect(events.at(-1)).toMatchObject({ event: 'worker-restarted', opened: { id: 'p2' } });
    expect(workers).toHaveLength(2);
  });

  it('waits on for a first call that asks something of the GPU', async () => {
    const { client, workers } = await fakedClient();
    const failed = vi.fn();
    client.sample(sampling).catch(failed);
    await pass(0);
    workers[0]!.say({ type: 'busy', busy: true, call: counted });
    for (let pipeline = 0; pipeline < 12; pipeline++) {
      await pass(patience.silentMs - 10);
      workers[0]!.say({ type: 'getting-on' });
    }
    expect(workers).toHaveLength(1);
    await pass(patience.silentMs + 3 * patience.pingEveryMs);
    expect(failed).toHaveBeenCalledWith(expect.objectContaining({ code: 'engine/stopped' }));
    expect(workers).toHaveLength(2);
  });

  it('has more patience with a first call that has ended a worker, and begins it unasked but once', async () => {
    const { client, workers, events } = await fakedClient();
    const stuckMs = async (): Promise<number> => {
      client.sample(sampling).catch(() => undefined);
      await pass(0);
      const { length } = workers;
      workers.at(-1)!.say({ type: 'busy', busy: true, call: counted });
      let ms = 0;
      for (; workers.length === length && ms < 10_000; ms += 10) await pass(10);
      await pass(10);
      return ms;
    };
    expect(await stuckMs()).toBeLessThanOrEqual(patience.silentMs + 3 * patience.pingEveryMs);
    expect(events.at(-1)).toMatchObject({ opened: { id: 'p2' }, stayIdle: false });
    const longerMs = await stuckMs();
    expect(longerMs).toBeGreaterThan(4 * patience.silentMs);
    expect(longerMs).toBeLessThanOrEqual(4 * patience.silentMs + 3 * patience.pingEveryMs);
    expect(events.at(-1)).toMatchObject({ opened: { id: 'p2' }, stayIdle: true });
  });

  it('stops at once what a person stops in a first call, and lets be what is out of date', async () => {
    const { client, workers, events } = await fakedClient();
    const [old, own] = [new AbortController(), new AbortController()];
    const [overtaken, stopped] = [vi.fn(), vi.fn()];
    client.sample(sampling, { signal: old.signal }).catch(overtaken);
    await pass(0);
    workers[0]!.say({ type: 'busy', busy: true, call: { kind: 'run unet on 8x4', weightBytes: 1e6, macs: 60e9 } });
    old.abort(SUPERSEDED);
    await pass(10 * patience.cancelMs);
    expect(overtaken).toHaveBeenCalledWith(expect.objectContaining({ name: 'AbortError' }));
    expect(workers).toHaveLength(1);
    client.sample(sampling, { signal: own.signal }).catch(stopped);
    await pass(0);
    own.abort();
    await pass(patience.cancelMs - 5);
    expect(workers).toHaveLength(1);
    await pass(5 + 3 * patience.pingEveryMs);
    expect(stopped).toHaveBeenCalledWith(expect.objectContaining({ name: 'AbortError' }));
    expect(workers).toHaveLength(2);
    await pass(10);
    expect(events.at(-1)).toMatchObject({ opened: { id: 'p2' }, stayIdle: true });
  });

  it('ends a worker that says that a call outlived its device', async () => {
    const { client, workers, events } = await fakedClient();
    const failed = vi.fn();
    client.sample(sampling).catch(failed);
    await pass(0);
    workers[0]!.say({ type: 'hung' });
    await pass(10);
    expect(failed).toHaveBeenCalledWith(expect.objectContaining({ code: 'engine/stopped' }));
    expect(events.at(-1)).toMatchObject({ event: 'worker-restarted', opened: { id: 'p2' } });
    expect(workers).toHaveLength(2);
  });

  it('is never given up for what a person stops', async () => {
    const { client, workers, events } = clientOf(diligent('p'));
    await client.open(request);
    for (let stop = 0; stop < 7; stop++) {
      const own = new AbortController();
      const waits = client.sample(sampling, { signal: own.signal });
      await vi.waitFor(() => expect(jobsOf(workers[stop]!).at(-1)).toMatchObject({ job: 'sample' }));
      workers[stop]!.say({ type: 'busy', busy: true, call: counted });
      own.abort();
      await expect(waits).rejects.toMatchObject({ name: 'AbortError' });
      await vi.waitFor(() => expect(events.filter(({ opened }) => opened)).toHaveLength(stop + 1));
    }
    expect(workers).toHaveLength(8);
    await expect(client.counters({})).resolves.toEqual({});
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
    await called(workers[0]!, 6 * patience.silentMs); // longer than the first, and not thrice as long
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
    await called(workers[0]!, 6 * patience.cancelMs);
    const abort = new AbortController();
    const waits = client.sample(sampling, { signal: abort.signal });
    waits.catch(() => undefined);
    await Promise.resolve();
    workers[0]!.say({ type: 'busy', busy: true, call });
    abort.abort();
    await expect(waits).rejects.toMatchObject({ name: 'AbortError' }); // the page is not kept waiting
    await new Promise((resolve) => setTimeout(resolve, 6 * patience.cancelMs));
    expect(workers).toHaveLength(1); // a model whose calls are long
    workers[0]!.say({ type: 'busy', busy: false, tookMs: 0 });
    await vi.waitFor(() => expect(workers).toHaveLength(2), { timeout: 3000 }); // nor did it heed it behind the call
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

  it('opens again what was open, where what waited behind an opening that was not heeded fails', async () => {
    const stuck: FakeWorker['answer'] = (asked, reply) => {
      if (asked.type === 'ping') reply({ type: 'pong' });
      if (asked.type === 'job' && asked.id === 1)
        reply({ type: 'done', id: asked.id, job: 'open', output: pipelineOf('p1') });
    };
    const other = { folder: { ...(folder as object), name: 'other' } as never, backend: 'wasm' } as const;
    const refuses: FakeWorker['answer'] = (asked, reply) => {
      if (asked.type === 'job' && asked.job === 'open' && asked.input.folder === other.folder)
        reply({ type: 'failed', id: asked.id, error: { code: 'onnx/not-onnx', message: 'No graph.', facts: {} } });
      else diligent('p2')(asked, reply);
    };
    const { client, workers, events } = clientOf(stuck, refuses);
    await client.open(request);
    const abort = new AbortController();
    const first = client.open(other, { signal: abort.signal });
    const second = client.open(other);
    abort.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    await expect(second).rejects.toMatchObject({ code: 'onnx/not-onnx' });
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ event: 'worker-restarted', opened: { id: 'p2' } }));
    expect(jobsOf(workers[1]!).map(({ input }) => (input as typeof request).folder)).toEqual([other.folder, folder]);
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
