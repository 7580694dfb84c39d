/**
 * Whether the worker lives, answers and gets on. It is dead when the browser frees the lock that it holds as long as it
 * lives: at once, whatever it was doing. It is stuck when a ping is not answered, or when a call into the runtime, which
 * lets no answer through, takes far longer than the same call did before. What follows from that is the client's.
 */
import type { RuntimeCall } from '../runtime/Runtime';
import type { JobName, Reply } from './protocol';

export interface Patience {
  readonly pingEveryMs: number;
  /** Silence after which a worker counts as stuck, unless it is inside the runtime. */
  readonly silentMs: number;
  /** The same while it loads or opens a model, or does other work of seconds: reading or writing a large graph takes its time. */
  readonly openingMs: number;
  /**
   * A call into the runtime the first time, when nobody knows how long it takes, is waited for `silentMs` longer than its
   * work takes on a slow machine: multiply-accumulates of a run; of a session that is made `sessionMs`, its weights and its
   * nodes, of which some of the runtime's passes compare each with each. Where nobody counted, `uncountedMs` and the weights.
   */
  readonly msPerGigaMac: number;
  readonly sessionMs: number;
  readonly msPerNode: number;
  readonly msPerPairOfNodes: number;
  readonly msPerMegabyte: number;
  readonly uncountedMs: number;
  /** How long a person's "Stop" may go unheard. */
  readonly cancelMs: number;
}

export const PATIENCE: Patience = {
  pingEveryMs: 1_000,
  silentMs: 5_000,
  openingMs: 60_000,
  msPerGigaMac: 2_000,
  sessionMs: 15_000,
  msPerNode: 2,
  msPerPairOfNodes: 0.003,
  msPerMegabyte: 250,
  uncountedMs: 120_000,
  cancelMs: 5_000,
};

/** A call that takes so many times as long as the longest of its kind before, and longer than `silentMs`, is stuck. */
const MOST_TIMES_LONGER = 10;
/** What was ended in a first call, perhaps wrongly, is waited for so many times as long the next time. */
const MORE_PATIENCE = 4;

/** Of a GPU adapter that is a program: SwiftShader does a tenth of a thousand million multiply-accumulates a second and core. */
const SOFTWARE_TIMES_SLOWER = 15;

/** Why a worker is ended. `stopped`: a person's "Stop" came while it was in something that does not hear it. */
export type WorkerEnd = 'died' | 'silent' | 'stuck' | 'stopped' | 'unheeding';

const SAID: Readonly<Record<WorkerEnd, string>> = {
  died: 'its worker ended',
  silent: 'it did not answer',
  stuck: 'a call into the runtime did not come back',
  stopped: 'it was stopped inside a call into the runtime',
  unheeding: 'it did not heed a cancel',
};

/** What the watch knows of a job that waits for its answer. */
export interface WatchedJob {
  readonly job: JobName;
  /** By the watch's clock. */
  readonly cancelledAtMs?: number;
  /** Nobody waits for its end. */
  readonly superseded?: boolean;
  /** It reads or writes a whole graph, in which no message is answered. */
  readonly preparing: boolean;
}

export interface WatchOptions {
  readonly patience: Patience;
  readonly jobs: () => readonly WatchedJob[];
  readonly ping: () => void;
  /** Told once of each worker. */
  readonly onEnd: (why: string, end: WorkerEnd) => void;
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
  /** How often a first call of each kind has ended a worker. */
  const endedBy = new Map<string, number>();

  const end = (why: WorkerEnd): void => {
    if (one.over.signal.aborted) return;
    one.over.abort();
    if (why === 'stuck' && one.inside) endedBy.set(one.inside.kind, (endedBy.get(one.inside.kind) ?? 0) + 1);
    onEnd(SAID[why], why);
  };

  const onBusy = (reply: Extract<Reply, { type: 'busy' }>): void => {
    if (reply.busy) {
      one.inside = reply.call && { ...reply.call, sinceMs: clockMs };
      one.atWork = !reply.call;
      return;
    }
    if (one.inside) longestMs.set(one.inside.kind, Math.max(longestMs.get(one.inside.kind) ?? 0, reply.tookMs));
    if (one.inside) one.cameBack = { kind: one.inside.kind, atMs: clockMs };
    one.inside = undefined;
    one.atWork = false;
  };

  const hear = (reply: Reply): void => {
    one.heard = true;
    one.pingedAtMs = undefined;
    one.silentTicks = 0;
    if (reply.type === 'pong') one.atWork = false;
    else if (reply.type === 'busy') onBusy(reply);
    else if (reply.type === 'hung') end('stuck');
    else if (reply.type === 'getting-on') {
      if (one.inside) one.inside = { ...one.inside, sinceMs: clockMs };
    } else if (reply.type === 'alive') {
      const { over } = one;
      void lockFreed(reply.lock, over.signal).then(
        () => !over.signal.aborted && end('died'),
        () => undefined, // the watch is over, or there are no locks
      );
    }
  };

  /** What a call of that kind may take; undefined while none like it has come back. */
  const knownMs = (kind: string): number | undefined => {
    const longest = longestMs.get(kind);
    return longest === undefined ? undefined : Math.max(patience.silentMs, MOST_TIMES_LONGER * longest);
  };

  /** What it may take the first time. */
  const firstMs = ({ kind, weightBytes, nodes, macs, software }: RuntimeCall): number => {
    const perNodeMs = (all: number): number => (patience.msPerNode + patience.msPerPairOfNodes * all) * all;
    const nodesMs = nodes === undefined || software ? Infinity : perNodeMs(nodes);
    const countedMs = Math.min(patience.uncountedMs, patience.sessionMs + nodesMs);
    const sessionMs = countedMs + (patience.msPerMegabyte * weightBytes) / 1e6;
    const msPerGigaMac = patience.msPerGigaMac * (software ? SOFTWARE_TIMES_SLOWER : 1);
    const workMs = macs === undefined ? sessionMs : (msPerGigaMac * macs) / 1e9;
    return (patience.silentMs + workMs) * MORE_PATIENCE ** (endedBy.get(kind) ?? 0);
  };

  const isStuck = (): boolean =>
    one.inside !== undefined && clockMs - one.inside.sinceMs > (knownMs(one.inside.kind) ?? firstMs(one.inside));

  const isSilent = (): boolean => {
    if (one.inside || one.pingedAtMs === undefined) return false;
    const working = !one.heard || one.atWork || jobs().some(({ preparing }) => preparing);
    return clockMs - one.pingedAtMs > (working ? patience.openingMs : patience.silentMs);
  };

  /**
   * A call that is known to come back is waited for, as the job heeds the cancel behind it. A first call, or the reading of
   * a graph, is waited for where nobody waits for the end; a person who stops it is not kept waiting.
   */
  const isDeaf = (job: WatchedJob): boolean => {
    if (job.cancelledAtMs === undefined) return false;
    return clockMs - job.cancelledAtMs > Math.max(patience.cancelMs, heedsWithinMs(job));
  };

  const heedsWithinMs = ({ job, superseded = false, preparing }: WatchedJob): number => {
    if (one.inside) return knownMs(one.inside.kind) ?? (superseded ? Infinity : 0);
    if (superseded && (job === 'open' || one.atWork || preparing)) return patience.openingMs;
    const { cameBack } = one;
    const answerIsOnItsWay = cameBack && clockMs - cameBack.atMs <= 2 * patience.pingEveryMs;
    return answerIsOnItsWay ? (knownMs(cameBack.kind) ?? 0) + 2 * patience.pingEveryMs : 0;
  };

  const tick = (): void => {
    const nowMs = performance.now();
    clockMs += Math.min(nowMs - tickedAtMs, 2 * patience.pingEveryMs);
    tickedAtMs = nowMs;
    const deaf = jobs().filter(isDeaf);
    if (deaf.length > 0) return end(deaf.some(({ superseded }) => !superseded) && one.inside ? 'stopped' : 'unheeding');
    // an answer may wait behind this very timer when the page itself was busy: the next tick decides
    one.silentTicks = isSilent() ? one.silentTicks + 1 : 0;
    one.stuckTicks = isStuck() ? one.stuckTicks + 1 : 0; // on a GPU one that waits without end may answer all the while
    if (one.stuckTicks > 1) return end('stuck');
    if (one.silentTicks > 1) return end('silent');
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
  inside: (RuntimeCall & { readonly sinceMs: number }) | undefined;
  /** The one that it was in last, and when that came back. */
  cameBack: { readonly kind: string; readonly atMs: number } | undefined;
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
  cameBack: undefined,
  atWork: false,
});
