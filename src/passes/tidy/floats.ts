/** 16-bit floats widened in bulk: a table of all 65,536 halves, as models hold millions of them. */

import { getFloat16 } from '@petamoriken/float16';
import { present } from '../../errors/present';
import type { DataType } from '../../onnx/model';

let halves: Uint32Array | undefined;

/** float16 pattern -> float32 pattern. */
function halfTable(): Uint32Array {
  if (halves) return halves;
  const view = new DataView(new ArrayBuffer(2));
  const values = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    view.setUint16(0, bits);
    values[bits] = getFloat16(view, 0);
  }
  halves = new Uint32Array(values.buffer);
  return halves;
}

/** Little-endian elements as float32; undefined for a type that is no float of 16 or 32 bits. */
export function floatBits(dataType: DataType, bytes: Uint8Array): Float32Array<ArrayBuffer> | undefined {
  if (dataType === 'float32') return new Float32Array(bytes.slice().buffer);
  if (dataType !== 'float16' && dataType !== 'bfloat16') return undefined;
  const shorts = new Uint16Array(bytes.slice().buffer);
  const wide = new Uint32Array(shorts.length);
  if (dataType === 'bfloat16') for (let i = 0; i < wide.length; i++) wide[i] = present(shorts[i]) << 16;
  else {
    const table = halfTable();
    for (let i = 0; i < wide.length; i++) wide[i] = present(table[present(shorts[i])]);
  }
  return new Float32Array(wide.buffer);
}
