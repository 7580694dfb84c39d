/**
 * Whether the worker lives, answers and gets on. It is dead when the browser frees the lock that it holds as long as it
 * lives: at once, whatever it was doing. It is stuck when a ping is not answered, or when a call into the runtime, which
 * lets no answer through, takes far longer than the same call did before. What follows from that is the client's.
 */
import type { JobName, Reply } from './protocol';

export interface Patience {
  readonly pingEveryMs: number;
  /** Silence after which a worker counts as stuck, unless it is inside the runtime. */
  readonly silentMs: number;
  /** The same while it loads or opens a model, or does other work of seconds: reading or writing a large graph takes its time. */
  readonly openingMs: number;
  /** How long a call into the runtime may take the first time, when nobody knows how long it should: so long, and more by its weights. */
  readonly firstCallMs: number;
  readonly firstCallMsPerMegabyte: number;
  /** How long a cancel may go unheard; `busy`: while the worker is inside such a first call. */
  readonly cancelMs: number;
  readonly cancelBusyMs: number;
}

export const PATIENCE: Patience = {
  pingEveryMs: 1_000,
  silentMs: 5_000,
  openingMs: 60_000,
  firstCallMs: 120_000,
  firstCallMsPerMegabyte: 500,
  cancelMs: 5_000,
  cancelBusyMs: 30_000,
};

/** A call that takes so many times as long as the longest of its kind before, and longer than `silentMs`, is stuck. */
const MOST_TIMES_LONGER = 10;

/** What the watch knows of a job that waits for its answer. */
export interface WatchedJob {
  readonly job: JobName;
  /** By the watch's clock. */
  readonly cancelledAtMs?: number;
  /** It reads or writes a whole graph, in which no message is answered. */
  readonly preparing: boolean;
}

export interface WatchOptions {
  readonly patience: Patience;
  readonly jobs: () => readonly WatchedJob[];
  readonly ping: () => void;
  /** Told once of each worker. */
  readonly onEnd: (why: string) => void;
  /** Resolves when nobody holds that lock any more; the signal ends the waiting. */
  readonly lockFreed?: (lock: string, signal: AbortSignal) => Promise<void>;
}

export interface WorkerWatch {
  /** Another worker was started: nothing is known of it. */
  begin(): void;
  /** What the watched worker says. */
  hear(reply: Reply): void;
  /** Calls take another time from now on: another model, size or backend. */
  forgetCalls(): void;
  /** Milliseconds in which the page was awake: timers of a hidden or sleeping page are held back, and nobody was waited for then. */
  nowMs(): number;
  stop(): void;
}

/** `locks` is missing on pages that came over plain http: a dead worker is then a silent one. */
const freedInBrowser = async (lock: string, signal: AbortSignal): Promise<void> => {
  await navigator.locks.request(lock, { signal }, () => undefined);
};

export function watchWorker(options: WatchOptions): WorkerWatch {
  const { patience, jobs, ping, onEnd, lockFreed = freedInBrowser } = options;
  let clockMs = 0;
  let tickedAtMs = performance.now();
  let one = newlyStarted();
  /** The longest call of each kind. */
  const longestMs = new Map<string, number>();

  const end = (why: string): void => {
    if (one.over.signal.aborted) return;
    one.over.abort();
    onEnd(why);
  };

  const onBusy = (reply: Extract<Reply, { type: 'busy' }>): void => {
    if (reply.busy) {
      one.inside = reply.call && { ...reply.call, sinceMs: clockMs };
      one.atWork = !reply.call;
      return;
    }
    if (one.inside) longestMs.set(one.inside.kind, Math.max(longestMs.get(one.inside.kind) ?? 0, reply.tookMs));
    one.inside = undefined;
    one.atWork = false;
  };

  const hear = (reply: Reply): void => {
    one.heard = true;
    one.pingedAtMs = undefined;
    one.silentTicks = 0;
    if (reply.type === 'pong') one.atWork = false;
    else if (reply.type === 'busy') onBusy(reply);
    else if (reply.type === 'hung') end('a call into the runtime did not come back');
    else if (reply.type === 'alive') {
      const { over } = one;
      void lockFreed(reply.lock, over.signal).then(
        () => !over.signal.aborted && end('its worker ended'),
        () => undefined, // the watch is over, or there are no locks
      );
    }
  };

  /** What the call that the worker is in may take; undefined while none like it has come back. */
  const knownMs = (): number | undefined => {
    const longest = one.inside && longestMs.get(one.inside.kind);
    return longest === undefined ? undefined : Math.max(patience.silentMs, MOST_TIMES_LONGER * longest);
  };

  const isStuck = (): boolean => {
    if (!one.inside) return false;
    const firstMs = patience.firstCallMs + (patience.firstCallMsPerMegabyte * one.inside.weightBytes) / 1e6;
    return clockMs - one.inside.sinceMs > (knownMs() ?? firstMs);
  };

  const isSilent = (): boolean => {
    if (one.inside || one.pingedAtMs === undefined) return false;
    const working = !one.heard || one.atWork || jobs().some(({ preparing }) => preparing);
    return clockMs - one.pingedAtMs > (working ? patience.openingMs : patience.silentMs);
  };

  const isDeaf = ({ job, cancelledAtMs }: WatchedJob): boolean => {
    if (cancelledAtMs === undefined) return false;
    const mayTakeMs =
      job === 'open' || one.atWork
        ? patience.openingMs
        : one.inside
          ? (knownMs() ?? patience.cancelBusyMs)
          : patience.cancelMs;
    return clockMs - cancelledAtMs > mayTakeMs;
  };

  const tick = (): void => {
    const nowMs = performance.now();
    clockMs += Math.min(nowMs - tickedAtMs, 2 * patience.pingEveryMs);
    tickedAtMs = nowMs;
    if (jobs().some(isDeaf)) return end('it did not heed a cancel');
    // an answer may wait behind this very timer when the page itself was busy: the next tick decides
    one.silentTicks = isSilent() ? one.silentTicks + 1 : 0;
    one.stuckTicks = isStuck() ? one.stuckTicks + 1 : 0; // on a GPU one that waits without end may answer all the while
    if (one.stuckTicks > 1) return end('a call into the runtime did not come back');
    if (one.silentTicks > 1) return end('it did not answer');
    if (one.pingedAtMs === undefined) {
      one.pingedAtMs = clockMs;
      ping();
    }
  };
  const timer = setInterval(tick, patience.pingEveryMs);

  return {
    begin() {
      one.over.abort();
      one = newlyStarted();
      longestMs.clear(); // what it runs first is slow again: nothing is compiled
    },
    hear,
    forgetCalls: () => longestMs.clear(),
    nowMs: () => clockMs,
    stop() {
      clearInterval(timer);
      one.over.abort();
    },
  };
}

interface Watched {
  /** Aborted when it is ended or replaced. */
  readonly over: AbortController;
  heard: boolean;
  /** When the ping was sent that is not answered yet. */
  pingedAtMs: number | undefined;
  silentTicks: number;
  stuckTicks: number;
  /** The call into the runtime that it is in. */
  inside: { readonly kind: string; readonly weightBytes: number; readonly sinceMs: number } | undefined;
  /** It said that it will not answer for a while. */
  atWork: boolean;
}

const newlyStarted = (): Watched => ({
  over: new AbortController(),
  heard: false,
  pingedAtMs: undefined,
  silentTicks: 0,
  stuckTicks: 0,
  inside: undefined,
  atWork: false,
});
