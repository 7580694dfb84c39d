/** The sessions of a loaded pipeline on one runtime: ONE gated denoiser for teacher and all students, text encoder, decoder. */
import type { Runtime, Session } from '../runtime/Runtime';
import type { OpenProgress } from '../protocol';
import type { Component, LoadedPipeline } from './loadPipeline';
import { sessionModel } from './sessionModel';

export interface PipelineSessions {
  readonly denoiser: Session;
  readonly textEncoder?: Session;
  readonly decoder?: Session;
  release(): Promise<void>;
}

export interface OpenSessionsOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: OpenProgress) => void;
}

/** Releases what it made when one of them fails. Throws as `Runtime.createSession`, and an AbortError. */
export async function openSessions(loaded: LoadedPipeline, runtime: Runtime, { signal, onProgress }: OpenSessionsOptions = {}): Promise<PipelineSessions> {
  const made: Session[] = [];
  const release = async (): Promise<void> => {
    for (const session of made.splice(0)) await session.release();
  };
  const open = async (component: Component, model = component.model): Promise<Session> => {
    signal?.throwIfAborted();
    onProgress?.({ phase: 'session', what: component.modelPath, loadedBytes: made.length, totalBytes: 0 });
    const session = await runtime.createSession(await sessionModel(component.modelPath, model, component.sources));
    made.push(session);
    return session;
  };
  try {
    const denoiser = await open(loaded.denoiser, loaded.gated.model);
    const textEncoder = loaded.textEncoder && (await open(loaded.textEncoder));
    const decoder = loaded.decoder && (await open(loaded.decoder));
    signal?.throwIfAborted();
    return { denoiser, ...(textEncoder ? { textEncoder } : {}), ...(decoder ? { decoder } : {}), release };
  } catch (thrown) {
    await release();
    throw thrown;
  }
}
