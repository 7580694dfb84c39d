/** Round trips: real exports message by message, and every odd thing that a file may hold. */

import { join } from 'node:path';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { listExports, readExportedModel } from '../../../fixtures/exports/readExport';
import { dataTypeOf } from '../dataTypes';
import { readModel } from '../readModel';
import { tensorValues } from '../tensorValues';
import { writeModel } from '../writeModel';
import {
  type ModelProto,
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from './onnx_pb';
import { typedFieldBytes } from './tensorFields';

const root = join(__dirname, '../../../fixtures/exports');

/** The first path at which two messages differ; a field set to its empty default counts as left out. */
function difference(a: unknown, b: unknown, path = ''): string | undefined {
  const blank = (x: unknown) =>
    x === undefined ||
    x === '' ||
    x === 0n ||
    x === false ||
    (typeof x === 'object' && x !== null && 'length' in x && x.length === 0);
  if (Object.is(a, b) || (blank(a) && blank(b))) return undefined;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0 ? undefined : path;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return `${path}: ${String(a)} is not ${String(b)}`;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = difference(
      (a as Record<string, unknown>)[key],
      (b as Record<string, unknown>)[key],
      `${path}.${key}`,
    );
    if (found) return found;
  }
  return undefined;
}

const fileDifference = (a: Uint8Array, b: Uint8Array) =>
  difference(withRawData(fromBinary(ModelProtoSchema, a)), withRawData(fromBinary(ModelProtoSchema, b)));

/** Typed data fields come back as raw_data; that the numbers are right is tested below, type by type. */
function withRawData(model: ModelProto): ModelProto {
  for (const tensor of model.graph?.initializer ?? []) {
    if (
      tensor.rawData.length === 0 &&
      tensor.dataType !== TensorProto_DataType.STRING &&
      tensor.dataLocation === TensorProto_DataLocation.DEFAULT
    ) {
      tensor.rawData = typedFieldBytes(tensor, dataTypeOf(tensor.dataType)!);
    }
    Object.assign(tensor, { floatData: [], doubleData: [], int32Data: [], int64Data: [], uint64Data: [] });
  }
  return model;
}

describe('real exports', () => {
  it.each(listExports(root))('%s says the same after a round trip, and then has the same bytes', (path) => {
    const bytes = readExportedModel(root, path);
    const written = writeModel(readModel(bytes));
    expect(fileDifference(written, bytes)).toBeUndefined();
    expect(Buffer.compare(writeModel(readModel(written)), written)).toBe(0);
  });

  it('keeps weights as views of the file', () => {
    const bytes = readExportedModel(root, listExports(root)[0]!);
    const weights = [...readModel(bytes).graph.initializers.values()].flatMap(({ data }) =>
      data.kind === 'inline' && data.bytes.length > 0 ? [data.bytes] : [],
    );
    expect(weights.length).toBeGreaterThan(10);
    for (const weight of weights) expect(weight.buffer).toBe(bytes.buffer);
  });
});

type ModelInit = Extract<MessageInitShape<typeof ModelProtoSchema>, { readonly $typeName?: undefined }>;
type GraphInit = ModelInit['graph'];
type TensorInit = MessageInitShape<typeof TensorProtoSchema>;

/** A model around the given parts. */
const modelBytes = (graph: GraphInit, more: ModelInit = {}): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 10n, opsetImport: [{ domain: '', version: 17n }], graph, ...more }),
  );

function expectKept(bytes: Uint8Array): void {
  const written = writeModel(readModel(bytes));
  expect(fileDifference(written, bytes)).toBeUndefined();
  expect(Buffer.compare(writeModel(readModel(written)), written)).toBe(0);
}

describe('unusual contents', () => {
  it('keeps doc strings, metadata and unmodelled parts at every level', () => {
    expectKept(
      modelBytes(
        {
          name: 'g',
          docString: 'graph',
          metadataProps: [{ key: 'a', value: 'b' }],
          node: [
            {
              name: 'n',
              opType: 'Custom',
              domain: 'my.domain',
              overload: 'o',
              input: ['x', '', 'w'],
              output: ['y', ''],
              docString: 'node',
              metadataProps: [{ key: 'k', value: '' }],
              deviceConfigurations: [{ configurationId: 'c', pipelineStage: 2 }],
              attribute: [
                { name: 'f', type: 1, f: 0.1, docString: 'attribute' },
                { name: 'i', type: 2, i: -(2n ** 63n) },
                { name: 's', type: 3, s: new Uint8Array([255, 0]) },
                { name: 'floats', type: 6, floats: [NaN, -0, Infinity] },
                { name: 'ints', type: 7, ints: [] },
                { name: 'strings', type: 8, strings: [new Uint8Array([1])] },
                { name: 't', type: 4, t: { name: 't', dataType: 1, dims: [0n] } },
                { name: 'type', type: 13, tp: { value: { case: 'optionalType', value: {} } } },
                { name: 'sparse', type: 11, sparseTensor: { dims: [3n] } },
                {
                  name: 'sub',
                  type: 5,
                  g: { name: 'inner', node: [{ opType: 'Identity', input: ['x'], output: ['z'] }] },
                },
                { name: 'tensors', type: 9, tensors: [{ dataType: 9, dims: [1n], rawData: new Uint8Array([1]) }] },
                { name: 'graphs', type: 10, graphs: [{ name: 'a' }, { name: 'b' }] },
              ],
            },
          ],
          initializer: [
            {
              name: 'w',
              dataType: 1,
              dims: [1n],
              rawData: new Uint8Array(4),
              docString: 'tensor',
              segment: { begin: 0n, end: 1n },
              metadataProps: [{ key: 'q', value: 'r' }],
            },
          ],
          sparseInitializer: [
            {
              values: { name: 'sparse', dataType: 1, dims: [1n], rawData: new Uint8Array(4) },
              indices: { dataType: 7, dims: [1n], rawData: new Uint8Array(8) },
              dims: [9n],
            },
          ],
          input: [
            {
              name: 'x',
              docString: 'value',
              metadataProps: [{ key: 'm', value: 'n' }],
              type: {
                denotation: 'IMAGE',
                value: {
                  case: 'tensorType',
                  value: {
                    elemType: 1,
                    shape: {
                      dim: [
                        { value: { case: 'dimParam', value: 'batch' }, denotation: 'DATA_BATCH' },
                        {},
                        { value: { case: 'dimValue', value: 3n } },
                      ],
                    },
                  },
                },
              },
            },
            {
              name: 'list',
              type: {
                value: {
                  case: 'sequenceType',
                  value: { elemType: { value: { case: 'tensorType', value: { elemType: 1 } } } },
                },
              },
            },
            { name: 'untyped' },
          ],
          output: [{ name: 'y', type: { value: { case: 'tensorType', value: { elemType: 1 } } } }],
          valueInfo: [{ name: 'z', type: { value: { case: 'tensorType', value: { elemType: 10, shape: {} } } } }],
          quantizationAnnotation: [
            { tensorName: 'x', quantParameterTensorNames: [{ key: 'SCALE_TENSOR', value: 'w' }] },
          ],
        },
        {
          producerName: 'p',
          producerVersion: 'v',
          domain: 'd',
          modelVersion: 5n,
          docString: 'model',
          metadataProps: [{ key: 'author', value: 'x' }],
          trainingInfo: [{ initializationBinding: [{ key: 'a', value: 'b' }] }],
          configuration: [{ name: 'gpus', numDevices: 2 }],
          functions: [
            {
              name: 'F',
              domain: 'my.domain',
              input: ['a'],
              output: ['b'],
              attribute: ['alpha'],
              attributeProto: [{ name: 'beta', type: 1, f: 2 }],
              opsetImport: [{ domain: '', version: 17n }],
              node: [
                {
                  opType: 'Elu',
                  input: ['a'],
                  output: ['b'],
                  attribute: [{ name: 'alpha', refAttrName: 'alpha', type: 1 }],
                },
              ],
              docString: 'function',
            },
          ],
        },
      ),
    );
  });

  it('keeps fields that this version of ONNX does not know', () => {
    const field = (no: number) => [{ no, wireType: 0, data: new Uint8Array([7]) }];
    const bytes = modelBytes({
      $typeName: 'onnx.GraphProto',
      $unknown: field(77),
      name: 'g',
      input: [],
      output: [],
      valueInfo: [],
      quantizationAnnotation: [],
      metadataProps: [],
      docString: '',
      sparseInitializer: [],
      node: [
        Object.assign(
          create(ModelProtoSchema, {
            graph: { node: [{ opType: 'A', output: ['y'], attribute: [{ name: 'a', type: 2, i: 1n }] }] },
          }).graph!.node[0]!,
          { $unknown: field(78) },
        ),
      ],
      initializer: [
        Object.assign(create(TensorProtoSchema, { name: 'w', dataType: 1, dims: [0n] }), { $unknown: field(79) }),
      ],
    });
    expectKept(bytes);
  });

  it('reads the default domain by both of its names', () => {
    const model = readModel(
      modelBytes(
        { node: [{ opType: 'Relu', domain: 'ai.onnx', input: ['x'], output: ['y'] }] },
        { opsetImport: [{ domain: 'ai.onnx', version: 18n }] },
      ),
    );
    expect(model.opsets.get('')).toBe(18);
    expect(model.graph.nodes[0]!.domain).toBe('');
  });

  it('tells old attributes without a type by what they hold', () => {
    const { nodes } = readModel(
      modelBytes({
        node: [
          {
            opType: 'A',
            attribute: [
              { name: 'axes', ints: [1n, 2n] },
              { name: 'alpha', f: 0.5 },
            ],
          },
        ],
      }),
    ).graph;
    expect(nodes[0]!.attributes.get('axes')).toEqual({ kind: 'ints', value: [1n, 2n] });
    expect(nodes[0]!.attributes.get('alpha')).toEqual({ kind: 'float', value: 0.5 });
  });

  it('keeps checksums of external data', () => {
    const externalData = [
      { key: 'location', value: 'w.data' },
      { key: 'offset', value: '64' },
      { key: 'length', value: '8' },
      { key: 'checksum', value: 'abc' },
    ];
    expectKept(
      modelBytes({
        initializer: [
          { name: 'w', dataType: 7, dims: [1n], dataLocation: TensorProto_DataLocation.EXTERNAL, externalData },
        ],
      }),
    );
  });

  it('takes the length of external data from the shape where the file leaves it out', () => {
    const externalData = [{ key: 'location', value: 'w.data' }];
    const { initializers } = readModel(
      modelBytes({
        initializer: [
          { name: 'w', dataType: 7, dims: [3n], dataLocation: TensorProto_DataLocation.EXTERNAL, externalData },
        ],
      }),
    ).graph;
    expect(initializers.get('w')!.data).toEqual({
      kind: 'external',
      location: 'w.data',
      offsetBytes: 0,
      lengthBytes: 24,
    });
  });
});

describe('typed data fields', () => {
  const read = (tensor: Extract<TensorInit, { readonly $typeName?: undefined }>) =>
    readModel(modelBytes({ initializer: [{ name: 'w', ...tensor }] })).graph.initializers.get('w')!;

  const cases: readonly (readonly [string, Parameters<typeof read>[0], readonly number[]])[] = [
    ['float32', { dataType: 1, dims: [2n], floatData: [0.5, -2] }, [0.5, -2]],
    ['uint8', { dataType: 2, dims: [2n], int32Data: [0, 255] }, [0, 255]],
    ['int8', { dataType: 3, dims: [2n], int32Data: [-1, 127] }, [-1, 127]],
    ['uint16', { dataType: 4, dims: [1n], int32Data: [65535] }, [65535]],
    ['int16', { dataType: 5, dims: [1n], int32Data: [-3] }, [-3]],
    ['int32', { dataType: 6, dims: [1n], int32Data: [-7] }, [-7]],
    ['int64', { dataType: 7, dims: [1n], int64Data: [-(2n ** 40n)] }, [-(2 ** 40)]],
    ['bool', { dataType: 9, dims: [2n], int32Data: [1, 0] }, [1, 0]],
    ['float16', { dataType: 10, dims: [2n], int32Data: [0x3c00, 0xc000] }, [1, -2]],
    ['float64', { dataType: 11, dims: [1n], doubleData: [0.1] }, [0.1]],
    ['uint32', { dataType: 12, dims: [1n], uint64Data: [4294967295n] }, [4294967295]],
    ['uint64', { dataType: 13, dims: [1n], uint64Data: [5n] }, [5]],
    ['bfloat16', { dataType: 16, dims: [2n], int32Data: [0x3f80, 0xc000] }, [1, -2]],
    ['uint4', { dataType: 21, dims: [3n], int32Data: [0x21, 0x0f] }, [1, 2, 15]],
    ['int4', { dataType: 22, dims: [3n], int32Data: [0x2f, 0x08] }, [-1, 2, -8]],
  ];
  it.each(cases)('%s', (dataType, init, expected) => {
    const tensor = read(init);
    expect(tensor.dataType).toBe(dataType);
    expect(Array.from(tensorValues(tensor)! as ArrayLike<number | bigint>, Number)).toEqual(expected);
  });

  it('packs 6-bit floats from one an entry', () => {
    const { data } = read({ dataType: 27, dims: [4n], int32Data: [0x3f, 0, 0x21, 0x3f] });
    expect(data).toEqual({ kind: 'inline', bytes: new Uint8Array([0b00111111, 0b00010000, 0b11111110]) });
  });

  it('keeps strings as bytes', () => {
    expect(read({ dataType: 8, dims: [1n], stringData: [new Uint8Array([200])] }).data).toEqual({
      kind: 'strings',
      values: [new Uint8Array([200])],
    });
  });
});
