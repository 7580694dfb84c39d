/** Where a file says that a tensor's bytes are: locations spelt in many ways, lengths of 0 or none. */
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { externalLocations } from '../externalLocations';
import { memorySource } from '../memorySource';
import { readModel } from '../readModel';
import { tensorBytes } from '../tensorValues';
import { writeModel } from '../writeModel';
import { ModelProtoSchema, TensorProto_DataLocation } from './onnx_pb';

function modelOf(entries: Readonly<Record<string, string>>): Uint8Array {
  const external = { dataLocation: TensorProto_DataLocation.EXTERNAL, dataType: 1, dims: [2n] };
  const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, graph: { initializer: [{ ...external, name: 'w', externalData }] } }),
  );
}

const weight = (entries: Readonly<Record<string, string>>) => readModel(modelOf(entries)).graph.initializers.get('w')!;

describe('locations', () => {
  it.each(['a/w.bin', './a/w.bin', 'a//w.bin', 'a/./w.bin', './/a/.//w.bin'])('%s is a/w.bin', (location) => {
    const model = readModel(modelOf({ location }));
    expect(externalLocations(model)).toEqual(['a/w.bin']);
    expect(externalLocations(readModel(writeModel(model)))).toEqual(['a/w.bin']);
  });

  it.each(['/w.bin', '//w.bin', 'a/../w.bin', '../w.bin', './../w.bin', './C:/w.bin', 'a\\w.bin'])(
    '%s is refused',
    (location) => {
      expect(() => externalLocations(readModel(modelOf({ location })))).toThrow(
        expect.objectContaining({ code: 'onnx/unsafe-location' }),
      );
    },
  );

  it.each(['', '.', './', './/.'])('%j names no file', (location) => {
    expect(() => weight({ location })).toThrow(expect.objectContaining({ code: 'onnx/invalid-tensor' }));
  });
});

describe('lengths', () => {
  it.each<Readonly<Record<string, string>>>([{}, { length: '0' }, { length: '8' }])(
    'of %j are the rest that the tensor needs',
    async (entries) => {
      const tensor = weight({ location: 'w.bin', offset: '4', ...entries });
      expect(tensor.data).toMatchObject({ offsetBytes: 4, lengthBytes: 8 });
      const bytes = await tensorBytes(
        tensor,
        new Map([['w.bin', memorySource(Uint8Array.from({ length: 12 }, (_, i) => i))]]),
      );
      expect([...bytes]).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
    },
  );

  it.each(['4', '12', '-8', '8.0', 'all'])('of %s are refused', (length) => {
    expect(() => weight({ location: 'w.bin', length })).toThrow(
      expect.objectContaining({ code: 'onnx/invalid-tensor' }),
    );
  });
});
