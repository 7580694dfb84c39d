import { describe, expect, it } from 'vitest';
import { readAddress, writeAddress } from './address';
import { planFromHash } from './hash';

const settings = { prompt: 'a panda, 50 % blue & "spins" #1', seed: 4294967295, steps: 4, guidance: 2.5 };

describe('the address', () => {
  it('survives a round trip with everything in it', () => {
    const hash = writeAddress('', { model: 'emoji-t2v', settings, view: 'wipe', dropped: ['mid_block', 'a/b'] });
    expect(readAddress(hash)).toEqual({ model: 'emoji-t2v', settings, view: 'wipe' });
    expect(planFromHash(hash)?.dropped).toEqual(['mid_block', 'a/b']);
  });

  it('holds two students, the second with its name', () => {
    const beside = { name: 'A & B, 50 %', dropped: ['mid_block', 'a,b', 'decoder/x'] };
    const hash = writeAddress('', { model: 'm', settings, view: 'side-by-side', dropped: ['x'], beside });
    expect(readAddress(hash)).toEqual({ model: 'm', settings, view: 'side-by-side', beside });
    expect(planFromHash(hash)?.dropped).toEqual(['x']);
    const whole = { name: 'Student B', dropped: [] };
    expect(readAddress('#beside=').beside).toEqual(whole);
    const alone = writeAddress(hash, { model: 'm', settings, view: 'side-by-side', dropped: ['x'] });
    expect(readAddress(alone).beside).toBeUndefined();
    expect(alone).not.toContain('beside');
  });

  it('names a picture of the model’s own, and no other', () => {
    const own = {
      model: 'emoji-i2v',
      settings,
      view: 'wipe',
      picture: 'pictures/red apple.png',
      dropped: ['x'],
    } as const;
    const hash = writeAddress('', own);
    expect(readAddress(hash).picture).toBe('pictures/red apple.png');
    expect(planFromHash(hash)?.dropped).toEqual(['x']);
    expect(readAddress(writeAddress(hash, { ...own, picture: null })).picture).toBeUndefined();
  });

  it('keeps entries of others and replaces its own', () => {
    const first = writeAddress('#tour=1', { model: 'm', settings, view: 'wipe', dropped: ['a'] });
    const second = writeAddress(first, {
      model: null,
      settings: { ...settings, seed: 1 },
      view: 'difference',
      dropped: [],
    });
    expect(new URLSearchParams(second.slice(1)).getAll('seed')).toEqual(['1']);
    expect(second).toContain('tour=1');
    expect(readAddress(second).model).toBeUndefined();
    expect(planFromHash(second)).toBeNull();
  });

  it('leaves out what cannot be', () => {
    for (const hash of ['', '#', '#seed=-1&steps=0&guidance=x&view=upside-down', '#seed=1.5&steps=1e9&guidance=NaN'])
      expect(readAddress(hash)).toEqual({ settings: {} });
    expect(readAddress(`#prompt=${'a'.repeat(5000)}`).settings).toEqual({});
    expect(readAddress('#prompt=&seed=0').settings).toEqual({ prompt: '', seed: 0 });
  });
});
