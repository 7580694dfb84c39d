/** What the page shows when answers of the engine come late, twice, or for something that nobody wants any more. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StudioError } from '../../errors/StudioError';
import type { FolderReference } from '../../library/Folder';
import type { GenerateSettings } from '../../worker/protocol';

/** A call of the engine that the test answers when it likes, heedless of the cancel as a busy worker is. */
interface Call {
  readonly input: {
    readonly takes?: readonly { readonly settings: GenerateSettings }[];
    readonly folder?: FolderReference;
    readonly latentSize?: object;
    readonly withoutRunning?: string;
  };
  readonly signal: AbortSignal;
  readonly onProgress: (progress: unknown) => void;
  readonly resolve: (output: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

const { calls, engine } = vi.hoisted(() => {
  const made: Record<string, Call[]> = {};
  const method = (name: string) => (input: Call['input'], options: Pick<Call, 'signal' | 'onProgress'>) =>
    new Promise((resolve, reject) => void (made[name] ??= []).push({ input, ...options, resolve, reject }));
  const names = ['open', 'sample', 'export', 'summarise', 'analyze', 'plan', 'heal', 'counters'];
  return {
    calls: (name: string): Call[] => made[name] ?? (made[name] = []),
    engine: { ...Object.fromEntries(names.map((name) => [name, method(name)])), onStatus: () => () => undefined },
  };
});
vi.mock('../../worker/client', () => ({ createEngineClient: () => engine }));

vi.stubGlobal('window', { location: { hash: '' }, addEventListener: () => undefined });
vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined });
vi.stubGlobal('matchMedia', () => ({ matches: true }));

const { generate, rerunAfterEdit } = await import('./generate');
const { openFolder, openWithoutRunning, setLatentSize } = await import('./open');
const { setPlan } = await import('./edit');
const { exportPlan } = await import('./exporting');
const { initialState, read, write, nothingMade } = await import('./state');

const settings = (seed: number): GenerateSettings => ({ prompt: 'a cat', seed, steps: 4, guidance: 1 });
const folder = (name: string): FolderReference => ({ kind: 'url', url: `https://example.com/${name}/`, name });
const opened = (name: string) => ({
  id: name,
  description: { name, defaults: { prompt: '', steps: 4, guidance: 1 }, examplePrompts: [] },
  tree: { blocks: [], groups: [], notes: [], totals: {} },
  presets: [],
  fingerprint: name,
  outline: name,
  status: { backend: 'wasm' },
});
const sampled = (mark: string) => ({
  clips: [mark, mark],
  comparisons: [undefined, mark],
  medianStepMs: [1, 1],
  decodeMs: [1, 1],
});
const settle = () => vi.advanceTimersByTimeAsync(0);
const last = (name: string): Call => calls(name).at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  for (const name of ['open', 'sample', 'export', 'summarise']) calls(name).length = 0;
  write({ ...initialState, ...nothingMade, open: { ...opened('a'), folder: folder('a'), latentSize: {} } as never });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a model that the runtime refuses at its own size', () => {
  const refusal = new StudioError('engine/session-failed', 'Incompatible dimensions');

  it('is run at another that is asked for; where that is refused too it opens at it without running', async () => {
    void openFolder(folder('b'));
    last('open').reject(refusal);
    await settle();
    openWithoutRunning();
    expect(last('open').input).toMatchObject({ latentSize: {}, withoutRunning: refusal.message });
    last('open').resolve(opened('b'));
    await settle();
    expect(read().open).toMatchObject({ id: 'b', withoutRunning: refusal.message });

    const size = { frames: 3, height: 8, width: 16 };
    setLatentSize(size);
    expect(last('open').input).toMatchObject({ folder: folder('b'), latentSize: size });
    expect(last('open').input.withoutRunning).toBeUndefined();
    last('open').reject(refusal);
    await settle();
    openWithoutRunning();
    expect(last('open').input).toMatchObject({ latentSize: size, withoutRunning: refusal.message });
  });
});

describe('runs', () => {
  it('that were overtaken change nothing, whether they end before or after', async () => {
    write({ settings: settings(1) });
    void generate();
    const first = last('sample');
    write({ settings: settings(2) });
    void generate();
    const second = last('sample');
    expect(first.signal.aborted).toBe(true);
    first.onProgress({ step: 1, steps: 4, clips: ['late', 'late'], stepMs: [], comparisons: [], latentErrors: [] });
    expect(read().shown).toEqual({});
    second.resolve(sampled('second'));
    await settle();
    first.resolve(sampled('first'));
    await settle();
    expect(read().shown.student).toMatchObject({ clip: 'second', settings: { seed: 2 } });
    expect(read().run).toBeNull();
  });

  it('that were overtaken do not speak of their failure', async () => {
    void generate();
    const first = last('sample');
    void generate();
    first.reject(new StudioError('engine/run-failed', 'late'));
    await settle();
    expect([read().problem, read().run === null]).toEqual([null, false]);
    last('sample').reject(new StudioError('engine/run-failed', 'own'));
    await settle();
    expect(read().problem).toMatchObject({ during: 'generate', error: { message: 'own' } });
    expect(read().run).toBeNull();
  });

  it('of quick edits are one, of the last plan', async () => {
    for (let edit = 0; edit < 11; edit++) {
      setPlan({ dropped: [`blocks.${edit}`] });
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(calls('sample')).toHaveLength(0);
    expect(read().runPending).toBe(true);
    await vi.advanceTimersByTimeAsync(1000);
    expect(calls('sample')).toHaveLength(1);
    expect(read().run!.plan).toEqual({ dropped: ['blocks.10'] });
  });

  it('end when another model is opened, and what they give then is of no model', async () => {
    void generate();
    const run = last('sample');
    void openFolder(folder('b'));
    expect(run.signal.aborted).toBe(true);
    void generate(); // nothing runs while a model opens
    expect(calls('sample')).toHaveLength(1);
    last('open').resolve(opened('b'));
    await settle();
    run.resolve(sampled('of a'));
    await settle();
    expect([read().open!.id, read().shown]).toEqual(['b', {}]);
    expect(calls('sample')).toHaveLength(2);
  });

  it('that an edit made pending do not begin after a model was closed over them', async () => {
    rerunAfterEdit();
    void openFolder(folder('b'));
    await vi.advanceTimersByTimeAsync(1000);
    expect(calls('sample')).toHaveLength(0);
  });
});

describe('openings', () => {
  it('the last one wins, whichever is ready first', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      calls('open').length = 0;
      void openFolder(folder('b'));
      void openFolder(folder('c'));
      const both = [calls('open')[0]!, calls('open')[1]!];
      expect(both[0]!.signal.aborted).toBe(true);
      for (const which of order) {
        both[which]!.resolve(opened(['b', 'c'][which]!));
        await settle();
      }
      expect([read().open!.id, read().opening]).toEqual(['c', null]);
    }
  });

  it('that were overtaken do not speak of their failure, nor of their progress', async () => {
    void openFolder(folder('b'));
    const first = last('open');
    void openFolder(folder('c'));
    first.onProgress({ phase: 'fetch', what: 'b', loadedBytes: 1, totalBytes: 2 });
    first.reject(new StudioError('library/missing-file', 'late'));
    await settle();
    expect([read().problem, read().opening]).toMatchObject([null, { name: 'c', progress: null }]);
  });

  it('that fail leave the model that is open, and run it again', async () => {
    const before = read().open;
    void openFolder(folder('b'));
    last('open').reject(new StudioError('onnx/not-onnx', 'no'));
    await settle();
    expect(read()).toMatchObject({ open: before, opening: null, problem: { during: 'open' } });
    await vi.advanceTimersByTimeAsync(1000);
    expect(calls('sample')).toHaveLength(1);
  });
});

describe('exports', () => {
  it('are of the plan at the click, whatever is edited meanwhile', async () => {
    write({ plan: { dropped: ['x'] } });
    void exportPlan();
    setPlan({ dropped: ['x', 'y'] });
    last('export').resolve({ files: [] });
    await settle();
    expect(read().exported).toMatchObject({ plan: { dropped: ['x'] } });
  });

  it('that were begun anew show the second alone', async () => {
    void exportPlan();
    const first = last('export');
    void exportPlan();
    first.resolve({ files: ['first'] });
    await settle();
    expect([read().exported, read().exporting === null]).toEqual([null, false]);
    last('export').resolve({ files: ['second'] });
    await settle();
    expect(read().exported).toMatchObject({ result: { files: ['second'] } });
  });
});
