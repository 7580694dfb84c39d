import { getFloat16 } from '@petamoriken/float16';
import { expect, it } from 'vitest';
import { halfTable } from './floats';

it('widens every half as the library does, signs of zero and what is not a number included', () => {
  const view = new DataView(new ArrayBuffer(2));
  const values = new Float32Array(halfTable().buffer);
  const wrong: number[] = [];
  for (let bits = 0; bits < 65536; bits++) {
    view.setUint16(0, bits);
    if (!Object.is(values[bits], getFloat16(view, 0))) wrong.push(bits);
  }
  expect(wrong).toEqual([]);
});
