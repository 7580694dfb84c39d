/** Under which name the page keeps things, and for which models it asks for one. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { StudioState } from './state';

const { fingerprint } = vi.hoisted(() => ({ fingerprint: vi.fn() }));
vi.mock('../../worker/client', () => ({
  createEngineClient: () => ({ fingerprint, onStatus: () => () => undefined }),
}));
const kept = new Map<string, string>();
vi.stubGlobal('window', { location: { hash: '' }, addEventListener: () => undefined });
vi.stubGlobal('localStorage', {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, text: string) => void kept.set(key, text),
});

const { knownOutlines, namedModel, readOutlines } = await import('./modelName');
const { isSameModel } = await import('./sameModel');
const { keptNames } = await import('./keptNames');
const { keepHistory } = await import('./history');
const { resultName } = await import('./gridStorage');
const { initialState, read, write } = await import('./state');

type Open = NonNullable<StudioState['open']>;
const folder = { kind: 'url', url: 'https://example.com/a/', name: 'a' } as const;
const tree = { blocks: [], groups: [], notes: [], totals: {} };
const opened = (more: object = {}) =>
  ({ id: 'a-1', outline: 'A', fingerprint: null, folder, tree, ...more }) as unknown as Open;

keepHistory();
beforeEach(() => {
  kept.clear();
  fingerprint.mockReset().mockResolvedValue('f');
  write({ ...initialState, open: null });
});

describe('the name of the open model', () => {
  it('is asked for once, stays with it, and its outline is remembered', async () => {
    write({ open: opened() });
    expect(await namedModel()).toMatchObject({ id: 'a-1', fingerprint: 'f' });
    expect(await namedModel()).toBe(read().open);
    expect(fingerprint).toHaveBeenCalledTimes(1);
    expect(knownOutlines()).toEqual({ f: 'A' });
  });

  it('is of no use where another model was opened meanwhile', async () => {
    write({ open: opened() });
    const naming = namedModel();
    write({ open: opened({ id: 'b-2', outline: 'B' }) });
    expect([await naming, read().open?.fingerprint]).toEqual([null, null]);
  });

  it('tells finetunes apart; models without one are the same from one place alone', () => {
    const named = (name: string) => opened({ fingerprint: name });
    expect(isSameModel(named('f'), { ...named('f'), folder: { ...folder } })).toBe(true);
    expect(isSameModel(named('f'), named('g'))).toBe(false);
    expect(isSameModel(opened(), opened({ id: 'a-2' }))).toBe(true);
    expect(isSameModel(opened(), named('f'))).toBe(true);
    expect(isSameModel(opened(), opened({ folder: { ...folder } }))).toBe(false);
    expect(isSameModel(opened(), opened({ outline: 'B' }))).toBe(false);
    expect([isSameModel(null, opened()), isSameModel(null, null)]).toEqual([false, true]);
  });
});

describe('what is kept', () => {
  it('is listed by all its names, of undo, shelves, measurements, batches and the open model', () => {
    const student = { id: '1', name: 's', dropped: [], weights: 'original', macs: null, parameters: null };
    kept.set('vdmini-studio/history', JSON.stringify({ fingerprint: 'h', plan: [], past: [], future: [] }));
    kept.set(
      'vdmini-studio/shelf',
      JSON.stringify({ s: [{ ...student, figures: null, thumbnail: null }], emptied: [] }),
    );
    kept.set('vdmini-studio/measured', JSON.stringify([{ name: '["m","layers",[]]', units: [], errors: [] }]));
    const figures = {
      psnr: 1,
      motionDelta: 1,
      ssim: 1,
      errorContent: 1,
      errorMotion: 1,
      meanSquaredError: 1,
      flowEpe: 1,
    };
    const name = resultName('g', 'v', { prompt: '', seed: 1, steps: 1, guidance: 1 });
    kept.set('vdmini-studio/grid', JSON.stringify([{ name, figures }]));
    expect(keptNames(opened({ fingerprint: 'o' })).fingerprints).toEqual(['h', 's', 'm', 'g', 'o']);
    expect(keptNames(null).fingerprints).toEqual(['h', 's', 'm', 'g']);
  });

  it('of undo needs no name while no student has weights of its own', () => {
    write({ open: opened() });
    write({ plan: { dropped: ['x'] }, past: [{ plan: { dropped: [] }, weights: 'original' }] });
    expect(fingerprint).not.toHaveBeenCalled();
    expect(JSON.parse(kept.get('vdmini-studio/history')!)).toMatchObject({ outline: 'A', plan: ['x'] });
    expect(keptNames(null).fingerprints).toEqual([]);
    for (const [outline, past] of [
      ['B', 0],
      ['A', 1],
    ] as const) {
      write({ ...initialState, open: null });
      kept.set('vdmini-studio/history', JSON.stringify({ outline: 'A', plan: [], past: [[]], future: [] }));
      write({ open: opened({ outline }) });
      expect(read().past).toHaveLength(past);
    }
  });

  it('of outlines is read value by value', () => {
    for (const bad of ['null', '[]', '3', '{', null]) expect(readOutlines(bad)).toEqual({});
    expect(readOutlines('{"f":"A","g":3}')).toEqual({ f: 'A' });
  });
});
