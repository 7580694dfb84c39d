/**
 * Sessions by name, within a budget of bytes: the one that was used longest ago goes first. What is in use is not
 * released; a pinned session stays until the pool is closed. It knows nothing of what the sessions compute.
 */
import type { Session } from './Runtime';

export interface PooledSession {
  readonly session: Promise<Session>;
  readonly sizeBytes: number;
  readonly pinned: boolean;
}

export interface PoolEntry {
  /** Weights that the session holds; what the budget counts. */
  readonly sizeBytes: number;
  readonly pinned?: boolean;
  create(): Promise<Session>;
}

export interface SessionPool {
  /** The session of that name, made when there is none. A failed creation leaves nothing behind. */
  use(key: string, entry: PoolEntry): Promise<Session>;
  has(key: string): boolean;
  /** Releases one session, if it is there. */
  drop(key: string): Promise<void>;
  /** Releases all; a session that is still being made is released when it is there. */
  close(): Promise<void>;
}

export function sessionPool(budgetBytes: number): SessionPool {
  /** Oldest use first. */
  const pooled = new Map<string, PooledSession>();
  let closed = false;

  const release = async (key: string): Promise<void> => {
    const entry = pooled.get(key);
    if (!entry) return;
    pooled.delete(key);
    const session = await entry.session.catch(() => undefined);
    await session?.release();
  };

  const makeRoom = async (sizeBytes: number): Promise<void> => {
    let total = [...pooled.values()].reduce((sum, entry) => sum + entry.sizeBytes, sizeBytes);
    for (const [key, entry] of [...pooled]) {
      if (total <= budgetBytes) return;
      if (entry.pinned) continue;
      total -= entry.sizeBytes;
      await release(key);
    }
  };

  return {
    async use(key, { sizeBytes, pinned = false, create }) {
      const known = pooled.get(key);
      if (known) {
        pooled.delete(key);
        pooled.set(key, known);
        return known.session;
      }
      await makeRoom(sizeBytes);
      const again = pooled.get(key); // somebody else made it meanwhile
      if (again) return again.session;
      const session = create();
      pooled.set(key, { session, sizeBytes, pinned });
      try {
        const made = await session;
        if (closed) await made.release();
        return made;
      } catch (thrown) {
        pooled.delete(key);
        throw thrown;
      }
    },
    has: (key) => pooled.has(key),
    drop: release,
    async close() {
      closed = true;
      for (const key of [...pooled.keys()]) await release(key);
    },
  };
}
