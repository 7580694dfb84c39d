/**
 * Malformed and unusual files, built by code, with the error code each must give somewhere between reading and packing,
 * or 'fine'. Longer than most files because it is a table.
 */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { ErrorCode } from '../../../errors/StudioError';
import { ModelProtoSchema, type TensorProtoSchema } from '../onnx_pb';
import { bytesOf, field, number } from './wireBytes';

export interface OddModel {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly outcome: ErrorCode | 'fine';
}

type Plain<T> = Extract<T, { readonly $typeName?: undefined }>;
type ModelInit = Plain<MessageInitShape<typeof ModelProtoSchema>>;
type GraphInit = Plain<NonNullable<ModelInit['graph']>>;
type NodeInit = Plain<NonNullable<GraphInit['node']>[number]>;
type TensorInit = Plain<MessageInitShape<typeof TensorProtoSchema>>;

const opset = { domain: '', version: 17n };
const value = (name: string) => ({
  name,
  type: {
    value: {
      case: 'tensorType' as const,
      value: { elemType: 1, shape: { dim: [{ value: { case: 'dimValue' as const, value: 2n } }] } },
    },
  },
});
const relu: NodeInit = { name: 'relu', opType: 'Relu', input: ['x'], output: ['y'] };

const encoded = (model: ModelInit): Uint8Array => toBinary(ModelProtoSchema, create(ModelProtoSchema, model));

/** x -> Relu -> y, changed. */
const withModel = (change: ModelInit): Uint8Array =>
  encoded({
    irVersion: 8n,
    opsetImport: [opset],
    graph: { name: 'g', input: [value('x')], output: [value('y')], node: [relu] },
    ...change,
  });
const withGraph = (change: GraphInit): Uint8Array =>
  withModel({ graph: { name: 'g', input: [value('x')], output: [value('y')], node: [relu], ...change } });
const withNodes = (...node: NodeInit[]): Uint8Array => withGraph({ node });
const withTensor = (tensor: TensorInit): Uint8Array =>
  withGraph({ initializer: [{ name: 'w', dataType: 1, dims: [1n], ...tensor }] });
const withExternal = (fields: Readonly<Record<string, string>>): Uint8Array =>
  withTensor({ dataLocation: 1, externalData: Object.entries(fields).map(([key, text]) => ({ key, value: text })) });
const withFunctions = (functions: ModelInit['functions'], opType: string): Uint8Array =>
  withModel({
    functions,
    opsetImport: [opset, { domain: 'f', version: 1n }],
    graph: {
      input: [value('x')],
      output: [value('y')],
      node: [{ name: 'call', opType, domain: 'f', input: ['x'], output: ['y'] }],
    },
  });
const callOf = (name: string, ...calls: string[]) => ({
  name,
  domain: 'f',
  input: ['a'],
  output: [`b${calls.length - 1}`],
  opsetImport: [opset],
  node: calls.map((opType, i) => ({
    opType,
    domain: opType === 'Relu' ? '' : 'f',
    input: [i === 0 ? 'a' : `b${i - 1}`],
    output: [`b${i}`],
  })),
});
const ifNode = (then: GraphInit, otherwise: GraphInit = then, more: NodeInit = {}): NodeInit => ({
  name: 'if',
  opType: 'If',
  input: ['c'],
  output: ['y'],
  ...more,
  attribute: [
    { name: 'then_branch', type: 5, g: then },
    { name: 'else_branch', type: 5, g: otherwise },
  ],
});
const condition = { name: 'c', dataType: 9, dims: [], int32Data: [1] };

/** Field numbers used below: model 1 ir_version, 7 graph, 8 opset; graph 1 node, 5 initializer, 11 input; node 4 op_type, 5 attribute; tensor 4 float_data, 9 raw_data. */
const header = bytesOf(number(1, 8), field(8, number(2, 17)));
/** A part of a graph whose last field claims one byte more than there is, while everything around it fits. */
const cut = (content: Uint8Array): Uint8Array => bytesOf(header, field(7, content));
const tooLong = (fieldNumber: number, content: Uint8Array | string): Uint8Array =>
  field(fieldNumber, content, bytesOf(content).length + 1);

function deepSubgraphs(depth: number): GraphInit {
  let body: GraphInit = { name: 'deepest', output: [{ name: 'x' }] };
  for (let i = 0; i < depth; i++)
    body = {
      name: `level ${i}`,
      node: [ifNode(body, { name: 'e', output: [{ name: 'x' }] }, { output: [`y${i}`] })],
      output: [{ name: `y${i}` }],
    };
  return body;
}

/** Every loop carries as many values as there are loops, and each makes another one longer in every round. */
function deepLoops(depth: number): NodeInit {
  const all = Array.from({ length: depth }, (_, i) => i);
  const [input, output] = [
    all.map((i) => ({ name: `s${i}` })),
    (changed: number) => all.map((i) => ({ name: i === changed ? 'longer' : `s${i}` })),
  ];
  let inner: NodeInit[] = [];
  for (const level of all) {
    const body: GraphInit = {
      name: `level ${level}`,
      input: [{ name: 'i' }, { name: 'go' }, ...input],
      output: [{ name: 'go' }, ...output(level)],
      node: [...inner, { opType: 'Unsqueeze', input: [`s${level}`, 'axes'], output: ['longer'] }],
    };
    inner = [
      {
        opType: 'Loop',
        input: ['', 'c', ...all.map(level === depth - 1 ? () => 'x' : (i) => `s${i}`)],
        output: level === depth - 1 ? ['y'] : [`t${level}`],
        attribute: [{ name: 'body', type: 5, g: body }],
      },
    ];
  }
  return inner[0]!;
}

const whole = withGraph({
  node: [
    {
      ...relu,
      attribute: [{ name: 'alpha', type: 4, t: { name: 't', dataType: 1, dims: [2n], rawData: new Uint8Array(8) } }],
      metadataProps: [{ key: 'namespace', value: 'a/b' }],
    },
  ],
  initializer: [{ name: 'w', dataType: 1, dims: [4n], rawData: new Uint8Array(16) }],
  valueInfo: [value('z')],
});

const nothing: readonly OddModel[] = [
  { name: 'an empty file', bytes: new Uint8Array(0), outcome: 'onnx/not-onnx' },
  { name: 'one byte', bytes: new Uint8Array([8]), outcome: 'onnx/not-onnx' },
  { name: 'a text', bytes: bytesOf('hello world, this is no model'), outcome: 'onnx/not-onnx' },
  { name: 'an error page', bytes: bytesOf('<!DOCTYPE html><html><body>404</body></html>'), outcome: 'onnx/not-onnx' },
  { name: 'JSON', bytes: bytesOf('{"error": "not found"}'), outcome: 'onnx/not-onnx' },
  {
    name: 'a Git LFS pointer',
    bytes: bytesOf('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n'),
    outcome: 'onnx/not-onnx',
  },
  { name: 'a zip (a PyTorch checkpoint)', bytes: bytesOf('PK', [3, 4, 20, 0, 0, 0, 0, 0]), outcome: 'onnx/not-onnx' },
  { name: 'a pickle', bytes: bytesOf([0x80, 2], '}q', [0], '.'), outcome: 'onnx/not-onnx' },
  { name: 'a PNG', bytes: bytesOf([0x89], 'PNG\r\n', [0x1a, 10]), outcome: 'onnx/not-onnx' },
  {
    name: 'safetensors',
    bytes: bytesOf([0x40, 0, 0, 0, 0, 0, 0, 0], '{"weight":{"dtype":"F32"}}'),
    outcome: 'onnx/not-onnx',
  },
  { name: 'zeros', bytes: new Uint8Array(64), outcome: 'onnx/not-onnx' },
];

const broken: readonly OddModel[] = [
  ...[0.05, 0.3, 0.5, 0.7, 0.9, 0.99].map((part) => ({
    name: `a file cut after ${part * 100} %`,
    bytes: whole.slice(0, Math.floor(whole.length * part)),
    outcome: 'onnx/truncated' as const,
  })),
  {
    name: 'a graph that is too short for its node',
    bytes: cut(tooLong(1, field(4, 'Relu'))),
    outcome: 'onnx/truncated',
  },
  { name: 'a node cut inside its operator name', bytes: cut(field(1, tooLong(4, 'Relu'))), outcome: 'onnx/truncated' },
  {
    name: 'a node cut inside an attribute',
    bytes: cut(field(1, tooLong(5, field(1, 'axis')))),
    outcome: 'onnx/truncated',
  },
  {
    name: 'an attribute cut inside its name',
    bytes: cut(field(1, field(5, tooLong(1, 'axis')))),
    outcome: 'onnx/truncated',
  },
  {
    name: 'a tensor cut inside its bytes',
    bytes: cut(field(5, tooLong(9, new Uint8Array(4)))),
    outcome: 'onnx/truncated',
  },
  {
    name: 'an input cut inside its type',
    bytes: cut(field(11, tooLong(2, field(1, number(1, 1))))),
    outcome: 'onnx/truncated',
  },
  { name: 'float data with half a number', bytes: cut(field(5, field(4, [0, 0, 0]))), outcome: 'onnx/truncated' },
  { name: 'a number that does not end', bytes: cut(field(5, [0x10, 0xff])), outcome: 'onnx/truncated' },
  {
    name: 'a number of eleven bytes',
    bytes: bytesOf([8, ...new Array<number>(11).fill(0xff), 1]),
    outcome: 'onnx/not-onnx',
  },
  { name: 'a graph that is a number', bytes: bytesOf(header, number(7, 1)), outcome: 'onnx/not-onnx' },
  { name: 'an operator name that is a number', bytes: cut(field(1, number(4, 1))), outcome: 'onnx/not-onnx' },
  { name: 'a field with the number 0', bytes: bytesOf(header, [0, 0]), outcome: 'onnx/not-onnx' },
  { name: 'a group', bytes: bytesOf(header, [0x5b, 0x5c]), outcome: 'onnx/not-onnx' },
  {
    name: 'subgraphs 200 deep',
    bytes: withGraph({ initializer: [condition], node: [ifNode(deepSubgraphs(200))] }),
    outcome: 'onnx/unsupported',
  },
];

const senseless: readonly OddModel[] = [
  { name: 'no graph', bytes: encoded({ irVersion: 8n, opsetImport: [opset] }), outcome: 'onnx/invalid-graph' },
  { name: 'no outputs', bytes: withGraph({ output: [] }), outcome: 'onnx/invalid-graph' },
  { name: 'no file format version', bytes: withModel({ irVersion: 0n }), outcome: 'onnx/invalid-graph' },
  { name: 'no opset', bytes: withModel({ opsetImport: [] }), outcome: 'onnx/missing-opset' },
  {
    name: 'an opset of another domain only',
    bytes: withModel({ opsetImport: [{ domain: 'com.microsoft', version: 1n }] }),
    outcome: 'onnx/missing-opset',
  },
  {
    name: 'a cycle of two nodes',
    bytes: withNodes(
      { opType: 'Add', input: ['x', 'b'], output: ['y'] },
      { opType: 'Relu', input: ['y'], output: ['b'] },
    ),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'a node that reads itself',
    bytes: withNodes({ opType: 'Relu', input: ['y'], output: ['y'] }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'a cycle through a capture',
    bytes: withGraph({
      initializer: [condition],
      node: [ifNode({ node: [{ opType: 'Relu', input: ['y'], output: ['t'] }], output: [{ name: 't' }] })],
    }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'two nodes that make one value',
    bytes: withNodes(relu, { ...relu, name: 'again' }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'a node that makes an input',
    bytes: withNodes({ opType: 'Relu', input: ['x'], output: ['x'] }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'two inputs of one name',
    bytes: withGraph({ input: [value('x'), value('x')] }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'two initializers of one name',
    bytes: withGraph({ initializer: [condition, condition] }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'an output listed twice',
    bytes: withGraph({ output: [value('y'), value('y')] }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'two attributes of one name',
    bytes: withNodes({
      ...relu,
      attribute: [
        { name: 'a', type: 2, i: 1n },
        { name: 'a', type: 2, i: 2n },
      ],
    }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'an input of a node that nobody makes',
    bytes: withNodes({ opType: 'Add', input: ['x', 'nobody'], output: ['y'] }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'an output that nobody makes',
    bytes: withGraph({ output: [value('nobody')] }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'a capture that nobody makes',
    bytes: withGraph({
      initializer: [condition],
      node: [ifNode({ node: [{ opType: 'Relu', input: ['nobody'], output: ['t'] }], output: [{ name: 't' }] })],
    }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'a node without an operator',
    bytes: withNodes({ input: ['x'], output: ['y'] }),
    outcome: 'onnx/invalid-graph',
  },
  { name: 'an input without a name', bytes: withGraph({ input: [value('x'), {}] }), outcome: 'onnx/invalid-graph' },
  {
    name: 'an initializer without a name',
    bytes: withTensor({ name: '', rawData: new Uint8Array(4) }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'an attribute that holds another type than it says',
    bytes: withNodes({ ...relu, attribute: [{ name: 'a', type: 7, f: 1 }] }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'a tensor attribute without a tensor',
    bytes: withNodes({ ...relu, attribute: [{ name: 'a', type: 4 }] }),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'a function that calls itself',
    bytes: withFunctions([callOf('F', 'F')], 'F'),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'two functions that call each other',
    bytes: withFunctions([callOf('F', 'G'), callOf('G', 'F')], 'F'),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'two functions of one name',
    bytes: withFunctions([callOf('F', 'Relu'), callOf('F', 'Relu')], 'F'),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'a function that reads what it has not',
    bytes: withFunctions([{ ...callOf('F', 'Relu'), input: ['other'] }], 'F'),
    outcome: 'onnx/invalid-graph',
  },
  {
    name: 'functions that grow without end',
    outcome: 'onnx/unsupported',
    bytes: withFunctions(
      [
        callOf('F0', 'Relu'),
        ...Array.from({ length: 12 }, (_, i) => callOf(`F${i + 1}`, ...new Array<string>(10).fill(`F${i}`))),
      ],
      'F12',
    ),
  },
];

const badTensors: readonly OddModel[] = [
  {
    name: 'an unknown data type',
    bytes: withTensor({ dataType: 99, rawData: new Uint8Array(4) }),
    outcome: 'onnx/invalid-tensor',
  },
  {
    name: 'no data type',
    bytes: withTensor({ dataType: 0, rawData: new Uint8Array(4) }),
    outcome: 'onnx/invalid-tensor',
  },
  {
    name: 'a negative dimension',
    bytes: withTensor({ dims: [-1n], rawData: new Uint8Array(4) }),
    outcome: 'onnx/invalid-tensor',
  },
  { name: 'a tensor without its bytes', bytes: withTensor({}), outcome: 'onnx/invalid-tensor' },
  {
    name: 'too few bytes',
    bytes: withTensor({ dims: [2n], rawData: new Uint8Array(4) }),
    outcome: 'onnx/invalid-tensor',
  },
  { name: 'too many bytes', bytes: withTensor({ rawData: new Uint8Array(8) }), outcome: 'onnx/invalid-tensor' },
  {
    name: 'a shape of 2^80 elements',
    bytes: withTensor({ dims: [2n ** 40n, 2n ** 40n], rawData: new Uint8Array(4) }),
    outcome: 'onnx/invalid-tensor',
  },
  { name: 'a dimension of 2^62', bytes: withTensor({ dims: [2n ** 62n] }), outcome: 'onnx/invalid-tensor' },
  {
    name: 'a huge shape hidden behind a zero',
    bytes: withTensor({ dims: [2n ** 62n, 0n] }),
    outcome: 'onnx/invalid-tensor',
  },
  {
    name: 'floats in a tensor of integers',
    bytes: withTensor({ dataType: 7, floatData: [1] }),
    outcome: 'onnx/invalid-tensor',
  },
  {
    name: 'three strings for two places',
    bytes: withTensor({
      dataType: 8,
      dims: [2n],
      stringData: [new Uint8Array(1), new Uint8Array(1), new Uint8Array(1)],
    }),
    outcome: 'onnx/invalid-tensor',
  },
  {
    name: 'a bad tensor in an attribute',
    bytes: withNodes({ ...relu, attribute: [{ name: 'a', type: 4, t: { dataType: 1, dims: [9n] } }] }),
    outcome: 'onnx/invalid-tensor',
  },
  {
    name: 'a sparse tensor of an unknown type',
    bytes: withGraph({ sparseInitializer: [{ values: { name: 's', dataType: 99 }, dims: [2n] }] }),
    outcome: 'onnx/invalid-tensor',
  },
  {
    name: 'a sparse tensor in another file',
    bytes: withGraph({ sparseInitializer: [{ values: { name: 's', dataType: 1, dataLocation: 1 }, dims: [2n] }] }),
    outcome: 'onnx/unsupported',
  },
];

/** The test gives the file 'weights.data' of 64 bytes and nothing else. */
const badPlaces: readonly OddModel[] = [
  { name: 'external data without a file name', bytes: withExternal({ offset: '0' }), outcome: 'onnx/invalid-tensor' },
  {
    name: 'a negative offset',
    bytes: withExternal({ location: 'weights.data', offset: '-4' }),
    outcome: 'onnx/invalid-tensor',
  },
  {
    name: 'an offset that is no number',
    bytes: withExternal({ location: 'weights.data', offset: 'here' }),
    outcome: 'onnx/invalid-tensor',
  },
  {
    name: 'an offset of 2^70',
    bytes: withExternal({ location: 'weights.data', offset: '1180591620717411303424' }),
    outcome: 'onnx/invalid-tensor',
  },
  {
    name: 'a length that does not fit the shape',
    bytes: withExternal({ location: 'weights.data', length: '8' }),
    outcome: 'onnx/invalid-tensor',
  },
  {
    name: 'a range across the end of the file',
    bytes: withExternal({ location: 'weights.data', offset: '62' }),
    outcome: 'onnx/external-data-range',
  },
  {
    name: 'an offset beyond the file',
    bytes: withExternal({ location: 'weights.data', offset: '5000000000' }),
    outcome: 'onnx/external-data-range',
  },
  {
    name: 'a weights file that is not there',
    bytes: withExternal({ location: 'other.data' }),
    outcome: 'onnx/missing-external-data',
  },
  ...[
    '../weights.data',
    'a/../../weights.data',
    '/etc/passwd',
    'C:\\weights.data',
    'c:weights.data',
    '..\\weights.data',
    'file:///etc/passwd',
    'https://example.org/w',
    'w\u0000.data',
  ].map((location) => ({
    name: `the location ${JSON.stringify(location)}`,
    bytes: withExternal({ location }),
    outcome: 'onnx/unsafe-location' as const,
  })),
];

const unusual: readonly OddModel[] = [
  {
    name: 'external data',
    bytes: withExternal({ location: 'weights.data', offset: '60', length: '4' }),
    outcome: 'fine',
  },
  {
    name: 'external data without offset and length',
    bytes: withExternal({ location: 'weights.data' }),
    outcome: 'fine',
  },
  {
    name: 'nodes out of order',
    bytes: withNodes({ opType: 'Relu', input: ['h'], output: ['y'] }, { opType: 'Relu', input: ['x'], output: ['h'] }),
    outcome: 'fine',
  },
  { name: 'no nodes', bytes: withGraph({ node: [], output: [value('x')] }), outcome: 'fine' },
  {
    name: 'two nodes of one name',
    bytes: withNodes({ ...relu, output: ['h'] }, { ...relu, input: ['h'] }),
    outcome: 'fine',
  },
  { name: 'a zero-length tensor', bytes: withTensor({ dims: [0n, 3n] }), outcome: 'fine' },
  { name: 'a scalar', bytes: withTensor({ dims: [], rawData: new Uint8Array(4) }), outcome: 'fine' },
  {
    name: 'a tensor of strings',
    bytes: withTensor({ dataType: 8, dims: [2n], stringData: [new Uint8Array(3), new Uint8Array(0)] }),
    outcome: 'fine',
  },
  {
    name: 'an initializer that gives an input its default',
    bytes: withGraph({ initializer: [{ name: 'x', dataType: 1, dims: [2n], floatData: [1, 2] }] }),
    outcome: 'fine',
  },
  {
    name: 'optional inputs left out',
    bytes: withNodes({ opType: 'Clip', input: ['x', '', ''], output: ['y', ''] }),
    outcome: 'fine',
  },
  {
    name: 'an unknown operator of an unknown domain',
    bytes: withNodes({ opType: 'Mystery', domain: 'org.example', input: ['x'], output: ['y'] }),
    outcome: 'fine',
  },
  {
    name: 'a sparse initializer',
    bytes: withGraph({
      sparseInitializer: [
        {
          values: { name: 's', dataType: 1, dims: [1n], floatData: [1] },
          indices: { dataType: 7, dims: [1n], int64Data: [0n] },
          dims: [2n],
        },
      ],
      node: [{ opType: 'Add', input: ['x', 's'], output: ['y'] }],
    }),
    outcome: 'fine',
  },
  {
    name: 'a subgraph that captures',
    bytes: withGraph({
      initializer: [condition],
      node: [
        ifNode(
          { node: [{ opType: 'Relu', input: ['x'], output: ['t'] }], output: [{ name: 't' }] },
          { node: [{ opType: 'Neg', input: ['x'], output: ['t'] }], output: [{ name: 't' }] },
        ),
      ],
    }),
    outcome: 'fine',
  },
  {
    name: 'functions that call functions',
    bytes: withFunctions([callOf('F', 'G', 'Relu'), callOf('G', 'Relu')], 'F'),
    outcome: 'fine',
  },
  {
    name: 'an input of a sequence type',
    bytes: withGraph({ input: [value('x'), { name: 'list', type: { value: { case: 'sequenceType', value: {} } } }] }),
    outcome: 'fine',
  },
  {
    name: 'a negative dimension of an input',
    bytes: withGraph({
      input: [
        {
          name: 'x',
          type: {
            value: {
              case: 'tensorType',
              value: { elemType: 1, shape: { dim: [{ value: { case: 'dimValue', value: -1n } }] } },
            },
          },
        },
      ],
    }),
    outcome: 'fine',
  },
  {
    name: 'attributes that make no sense to the operator',
    bytes: withNodes({
      opType: 'Conv',
      input: ['x', 'x'],
      output: ['y'],
      attribute: [
        { name: 'strides', type: 7, ints: [0n] },
        { name: 'kernel_shape', type: 7, ints: [-(2n ** 63n)] },
      ],
    }),
    outcome: 'fine',
  },
  {
    name: 'loops 30 deep whose shapes change',
    bytes: withGraph({
      initializer: [condition, { name: 'axes', dataType: 7, dims: [1n], int64Data: [0n] }],
      node: [deepLoops(30)],
    }),
    outcome: 'fine',
  },
  { name: 'fields of a later version', bytes: bytesOf(whole, field(400, 'future')), outcome: 'fine' },
];

export const oddModels: readonly OddModel[] = [
  ...nothing,
  ...broken,
  ...senseless,
  ...badTensors,
  ...badPlaces,
  ...unusual,
];

/** A small whole model, to be cut at every byte. */
export const wholeModel = whole;
