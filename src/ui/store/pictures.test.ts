import { describe, expect, it } from 'vitest';
import { cropTo } from './pictures';

describe('cropping a picture to the model', () => {
  it('keeps the middle and the whole of the shorter side', () => {
    expect(cropTo({ width: 200, height: 100 }, { width: 64, height: 64 })).toEqual({
      x: 50,
      y: 0,
      width: 100,
      height: 100,
    });
    expect(cropTo({ width: 100, height: 300 }, { width: 512, height: 256 })).toEqual({
      x: 0,
      y: 125,
      width: 100,
      height: 50,
    });
    expect(cropTo({ width: 64, height: 64 }, { width: 64, height: 64 })).toEqual({ x: 0, y: 0, width: 64, height: 64 });
  });
});
