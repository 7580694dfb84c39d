import { describe, expect, it } from 'vitest';
import { buildModel } from '../onnx/testing/buildModel';
import { filled } from '../runtime/tensors';
import { boundSizes, fits } from './boundSizes';

const model = buildModel((b) => {
  b.input('sample', ['batch', 4, 'frames', 8, 8]);
  b.input('text', ['texts', 'tokens', 6]);
  b.input('timestep', ['steps']);
  b.input('ids', ['frames', 3]);
});
const bindings = new Map([
  ['batch', 2],
  ['texts', 32],
  ['frames', 16],
  ['tokens', 7],
  ['steps', 2],
]);
const sizes = boundSizes(model, bindings, 2);
const call = (clips: number, { texts = 16 * clips, tokens = 7, frames = 16 } = {}) => ({
  sample: filled('float32', [clips, 4, frames, 8, 8], 0),
  text: filled('float32', [texts, tokens, 6], 0),
  timestep: filled('float32', [clips], 0),
  ids: filled('float32', [frames, 3], 0),
});

describe('sizes that a graph is optimised for', () => {
  it('leave free what follows the number of clips, and nothing that is another size too', () => {
    expect([...sizes.free!]).toEqual(['batch', 'texts', 'steps']);
  });

  it.each([
    ['one clip', call(1), true],
    ['two clips', call(2), true],
    ['other text', call(2, { tokens: 8 }), false],
    ['other frames', call(1, { frames: 8 }), false],
    ['text for another number of clips', call(2, { texts: 16 }), false],
  ])('%s: %s', (_, feeds, expected) => {
    expect(fits(model, sizes, feeds)).toBe(expected);
  });
});
