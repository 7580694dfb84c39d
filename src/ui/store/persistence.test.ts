import { describe, expect, it } from 'vitest';
import { readHistory } from './history';
import { readKept } from './persistence';

const settings = { prompt: 'a cat', seed: 1, steps: 4, guidance: 2 };

describe('what was stored', () => {
  it('comes back as it was', () => {
    const folder = { kind: 'url', url: 'https://example.com/m/', name: 'm', keep: true };
    const stored = { model: 'm', settings, rerun: 'on-demand', backend: 'wasm', exportFormat: 'onnx', folder };
    expect(readKept(JSON.stringify({ ...stored, player: { loop: false, speed: 2, view: 'wipe' } }))).toEqual({
      ...stored,
      player: { loop: false, speed: 2, view: 'wipe' },
    });
  });

  it('never bricks the page: null, partial and absurd values count as not stored', () => {
    for (const text of [null, '', 'null', '[]', '7', '"x"', '{', '{"settings":null,"player":null,"folder":null}'])
      expect(readKept(text).settings, String(text)).toBeUndefined();
    for (const change of [
      { seed: -1 },
      { seed: 1.5 },
      { steps: 0 },
      { steps: 1e9 },
      { guidance: 'x' },
      { prompt: null },
    ])
      expect(readKept(JSON.stringify({ settings: { ...settings, ...change } })).settings).toBeUndefined();
    const absurd = { rerun: 1, backend: 'cuda', exportFormat: {}, player: { zoom: -3, view: 'x', speed: null } };
    expect(readKept(JSON.stringify(absurd))).toEqual({ player: {} });
    expect(readKept('{"folder":{"kind":"url","url":"::","name":"m"}}').folder).toBeUndefined();
  });

  it('is a history or nothing', () => {
    const good = { fingerprint: 'f', plan: ['a'], past: [[], ['b']], future: [] };
    expect(readHistory(JSON.stringify(good))).toEqual(good);
    for (const bad of ['null', '{}', '{"fingerprint":"f","plan":["a"],"past":[1],"future":[]}', '{', null])
      expect(readHistory(bad)).toBeNull();
  });
});
