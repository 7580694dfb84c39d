/** Bytes that are no UTF-8 come back as they were; what is UTF-8 reads as everywhere. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readModel } from '../readModel';
import { buildModel } from '../testing/buildModel';
import { writeModel } from '../writeModel';
import { decodeText, encodeText } from './textBytes';

describe('text', () => {
  it('round-trips any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect([...encodeText(decodeText(bytes))]).toEqual([...bytes]);
      }),
      { numRuns: 2000 },
    );
  });

  it('reads UTF-8 as TextDecoder does, a byte order mark kept', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(decodeText(new TextEncoder().encode(text))).toBe(text);
      }),
    );
    expect(decodeText(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa');
  });

  it('tells names apart that differ in bytes that are no UTF-8', () => {
    expect(decodeText(Uint8Array.of(0xff))).not.toBe(decodeText(Uint8Array.of(0xfe)));
    expect([...decodeText(Uint8Array.of(0xed, 0xa0, 0x80))]).toHaveLength(3); // a surrogate in UTF-8 is none
  });
});

it('a model with names in Latin-1 is written byte for byte as it was', () => {
  const model = buildModel((b) => {
    const x = b.input('samplAAe', [1]);
    b.output(b.op('Add', [x, b.weight('weiBBght', [1])], {}, { name: 'nodeCC', outputs: ['ouDDt'] }), [1]);
  });
  const bytes = writeModel(model);
  const marks = new Map([
    [0x41, [0xe9, 0xff]],
    [0x42, [0xe9, 0xfe]],
    [0x43, [0xc3, 0x28]],
    [0x44, [0xf0, 0x80]],
  ]);
  for (let at = 0; at + 1 < bytes.length; at++) {
    const mark = bytes[at] === bytes[at + 1] ? marks.get(bytes[at]!) : undefined;
    if (mark) bytes.set(mark, at);
  }
  const read = readModel(bytes);
  expect(writeModel(read)).toEqual(bytes);
  expect(read.graph.nodes[0]!.inputs[0]).toBe(read.graph.inputs[0]!.name);
  expect(
    new Set([...read.graph.initializers.keys(), read.graph.inputs[0]!.name, read.graph.outputs[0]!.name]).size,
  ).toBe(3);
});
