import { describe, expect, it } from 'vitest';
import type { Clip } from '../../metrics/Clip';
import { compareClips } from '../../metrics/compareClips';
import { fateSentence, judge, savingsSentence } from './verdict';

const [frameCount, size] = [6, 32];

/** A bright square on dark ground whose left edge is at `left(t)`; `shade` is its brightness. */
function square(left: (t: number) => number, shade = 220): Clip {
  const pixels = new Uint8ClampedArray(frameCount * size * size * 4).fill(30);
  for (let t = 0; t < frameCount; t++)
    for (let y = 10; y < 20; y++)
      for (let x = left(t); x < left(t) + 10; x++)
        pixels.fill(shade, ((t * size + y) * size + x) * 4, ((t * size + y) * size + x) * 4 + 3);
  return { frameCount, width: size, height: size, pixels };
}

const moving = square((t) => 2 + 3 * t);

describe('the verdict on a pair of clips', () => {
  it('keeps both for equal clips', () => {
    expect(judge(compareClips(moving, moving))).toEqual({ content: 'kept', motion: 'kept' });
  });

  it('tells lost motion: a clip that stands still', () => {
    expect(
      judge(
        compareClips(
          moving,
          square(() => 9),
        ),
      ).motion,
    ).toBe('lost');
  });

  it('tells lost content where the motion is the same', () => {
    const verdict = judge(
      compareClips(
        moving,
        square((t) => 2 + 3 * t, 60),
      ),
    );
    expect(verdict.content).not.toBe('kept');
  });

  it('has no motion to compare where the teacher stands still', () => {
    const still = square(() => 9);
    expect(judge(compareClips(still, still))).toEqual({ content: 'kept', motion: null });
    expect(fateSentence({ content: 'kept', motion: null })).toBe('content kept, no motion to compare');
  });

  it('says what a cut saves: measured speed where there is one, else MACs', () => {
    const totals = (parameters: number, macs: number) => ({ nodes: 0, bytes: 0, parameters, macs });
    const plain = (text: string) => text.replaceAll('\u202f', ' ');
    const [teacher, student] = [totals(1000, 100), totals(596, 75)];
    expect(plain(savingsSentence({ teacher, student, stepMs: { teacher: 300, student: 200 } }))).toBe(
      '40 % fewer parameters, 1.5× faster',
    );
    const ratio = { median: 2 / 3, low: 0.6, high: 0.7 };
    expect(plain(savingsSentence({ teacher, student, stepMs: { teacher: 300, student: 200, ratio } }))).toBe(
      '40 % fewer parameters, 1.5× faster (1.4 to 1.7)',
    );
    const wide = { median: 2 / 3, low: 0.4, high: 1.1 };
    expect(plain(savingsSentence({ teacher, student, stepMs: { teacher: 300, student: 200, ratio: wide } }))).toBe(
      '40 % fewer parameters, 25 % fewer MACs',
    );
    expect(plain(savingsSentence({ teacher, student, stepMs: null }))).toBe('40 % fewer parameters, 25 % fewer MACs');
    expect(plain(savingsSentence({ teacher, student: totals(996, 99), stepMs: { teacher: 300, student: 299 } }))).toBe(
      '0.4 % fewer parameters, 1.0 % fewer MACs',
    );
  });
});
