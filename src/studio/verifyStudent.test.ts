/**
 * What passes for a right export. Twelve kinds of corruption, twenty places each, weights inside and beside the graph:
 * none may pass; and right ones must, quantised too.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFolder } from '../library/nodeFolder';
import { memorySource } from '../onnx/memorySource';
import type { Model, Node, Tensor } from '../onnx/model';
import { packModel } from '../onnx/packModel';
import { readModel } from '../onnx/readModel';
import { mapTensors } from '../onnx/tensors';
import { buildModel, zeroTensor } from '../onnx/testing/buildModel';
import { type Random, seededRandom } from '../onnx/testing/fuzz/random';
import { writeModel } from '../onnx/writeModel';
import { prune } from '../passes/prune';
import { nodeRuntime } from '../runtime/nodeRuntime';
import type { SessionModel } from '../runtime/Runtime';
import { openPipeline } from './openPipeline';
import type { Pipeline } from './Pipeline';
import { attentionModel } from './testing/attentionModel';
import type { Edit } from './Variant';
import { type Preview, previewStudent, verifyStudent } from './verifyStudent';

const edit: Edit = { plan: { dropped: ['blocks.1'] }, weights: 'original' };
let folder: string;
let pipeline: Pipeline;
let preview: Preview;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verify-student-'));
  await writeFile(join(folder, 'model.onnx'), writeModel(attentionModel()));
  pipeline = await openPipeline(await nodeFolder(join(folder, 'model.onnx')), nodeRuntime({ threads: 1 }));
  const latent = Float32Array.from({ length: 128 }, (_, i) => Math.sin(i));
  const feeds = pipeline.inputs.feeds({ latent, timestep: 3, branches: ['conditional'], guidance: 1, text: {} });
  preview = await previewStudent(pipeline, pipeline.denoiser, feeds, edit);
});

afterAll(async () => {
  await pipeline.release();
  await rm(folder, { recursive: true });
});

/** The written files of the edit, as bytes that a test may change. */
async function written(kind: 'single' | 'external') {
  const { denoiser } = pipeline;
  const student = prune(denoiser.modelOf('original'), denoiser.tree, edit.plan);
  const layout = kind === 'single' ? ({ kind } as const) : ({ kind, location: 'student.data' } as const);
  const packed = await packModel(student, new Map(), layout);
  const data = new Uint8Array(packed.dataSizeBytes);
  let end = 0;
  await packed.writeData(async (chunk) => {
    data.set(chunk, end);
    end += chunk.length;
  });
  return { modelBytes: packed.modelBytes, data };
}

const fileOf = (modelBytes: Uint8Array, data: Uint8Array): SessionModel => ({
  what: 'the file',
  modelBytes,
  externalData: new Map(data.length > 0 ? [['student.data', memorySource(data)]] : []),
});

const verify = (file: SessionModel) => verifyStudent(pipeline, pipeline.denoiser, preview, file);

interface Weight {
  readonly name: string;
  /** A view of the file. */
  readonly values: Float32Array;
}

/** A copy that begins where a float may. */
const ownBytes = (tensor: Tensor): Tensor =>
  tensor.data.kind === 'inline' ? { ...tensor, data: { kind: 'inline', bytes: tensor.data.bytes.slice() } } : tensor;

/** Large weights of a file that was written, over copies of its bytes. */
function weightsOf(model: Model, data: Uint8Array): readonly Weight[] {
  return [...model.graph.initializers.values()].flatMap(({ name, dataType, data: place }) => {
    if (dataType !== 'float32') return [];
    if (place.kind === 'external')
      return [{ name, values: new Float32Array(data.buffer, place.offsetBytes, place.lengthBytes / 4) }];
    return place.kind === 'inline'
      ? [{ name, values: new Float32Array(place.bytes.buffer, place.bytes.byteOffset, place.bytes.length / 4) }]
      : [];
  });
}

/** Each changes weights in place. The last of two tensors is another of the same size. */
const corruptions: Readonly<Record<string, (weight: Float32Array, other: Float32Array, random: Random) => void>> = {
  'one value by 1 %': (w, _, random) => void (w[random.index(w.length)]! *= 1.01),
  'the sign of one value': (w, _, random) => void (w[random.index(w.length)]! *= -1),
  'a tensor of zeros': (w) => void w.fill(0),
  'a tensor scaled by 0.999': (w) => w.forEach((value, i) => (w[i] = value * 0.999)),
  'a tensor with its sign turned': (w) => w.forEach((value, i) => (w[i] = -value)),
  'bytes from elsewhere': (w, other, random) => {
    const start = random.index(w.length - 8);
    w.set(other.subarray(start, start + 8), start);
  },
  'a tensor in place of another': (w, other) => w.set(other),
  'values moved by one': (w) => w.copyWithin(1, 0),
  'one NaN': (w, _, random) => void (w[random.index(w.length)] = NaN),
  'one infinite value': (w, _, random) => void (w[random.index(w.length)] = Infinity),
  'the lowest bit of one value': (w, _, random) => {
    const bits = new Uint32Array(w.buffer, w.byteOffset, w.length);
    bits[random.index(bits.length)]! ^= 1;
  },
  'rounding to 16 bits': (w) => {
    const bits = new Uint32Array(w.buffer, w.byteOffset, w.length);
    bits.forEach((value, i) => (bits[i] = value & 0xffff0000));
  },
};

describe.each(['single', 'external'] as const)('weights in a %s file', (kind) => {
  it('are right as they are written', async () => {
    const { modelBytes, data } = await written(kind);
    const check = await verify(fileOf(modelBytes, data));
    expect(check.maxDifference).toBeLessThan(1e-5);
    expect(check.cutEffect).toBeGreaterThan(0.01);
  });

  it.each(Object.keys(corruptions))('are not with %s, in any of twenty places', async (name) => {
    const { modelBytes, data } = await written(kind);
    const random = seededRandom(Object.keys(corruptions).indexOf(name));
    const passed: string[] = [];
    for (let place = 0; place < 20; place++) {
      const ownData = data.slice();
      const model = mapTensors(readModel(modelBytes), ownBytes);
      const weights = weightsOf(model, ownData).filter(({ values }) => values.length > 64);
      const { name: weight, values } = random.pick(weights);
      const other = random.pick(weights.filter((one) => one.name !== weight && one.values.length === values.length));
      corruptions[name]!(values, other.values, random);
      const found = await verify(fileOf(writeModel(model), ownData)).then(
        () => undefined,
        (thrown: unknown) => (thrown as { code: string }).code,
      );
      if (found !== 'engine/verification-failed') passed.push(`${weight}: ${found}`);
    }
    expect(passed).toEqual([]);
  });
});

describe('graphs that are not the pruned one', () => {
  const changed = async (change: (nodes: readonly Node[]) => readonly Node[]) => {
    const model = readModel((await written('single')).modelBytes);
    return verify(
      fileOf(writeModel({ ...model, graph: { ...model.graph, nodes: change(model.graph.nodes) } }), new Uint8Array(0)),
    );
  };

  it.each([
    ['another operator', (nodes) => nodes.map((node) => (node.opType === 'Relu' ? { ...node, opType: 'Abs' } : node))],
    [
      'another attribute',
      (nodes) =>
        nodes.map((node) =>
          node.opType === 'Softmax' ? { ...node, attributes: new Map([['axis', { kind: 'int', value: 1n }]]) } : node,
        ),
    ],
    [
      'another weight read',
      (nodes) =>
        nodes.map((node) => ({
          ...node,
          inputs: node.inputs.map((name) => (name === 'blocks.0.q.weight' ? 'blocks.2.q.weight' : name)),
        })),
    ],
    ['another name', (nodes) => nodes.map((node, i) => (i === 3 ? { ...node, name: 'other' } : node))],
  ] as readonly (readonly [string, (nodes: readonly Node[]) => readonly Node[]])[])(
    'are refused: %s',
    async (_, change) => {
      await expect(changed(change)).rejects.toMatchObject({ code: 'engine/verification-failed' });
    },
  );

  it('are refused: another block gone', async () => {
    const { denoiser } = pipeline;
    const other = prune(denoiser.modelOf('original'), denoiser.tree, { dropped: ['blocks.2'] });
    await expect(verify(fileOf(writeModel(other), new Uint8Array(0)))).rejects.toMatchObject({
      code: 'engine/verification-failed',
    });
  });
});

describe('a quantised student', () => {
  /** int8 activations before every product and sum, int8 weights. */
  const quantised = buildModel(
    (b) => {
      const rounded = (x: string, name: string) => {
        const scale = b.weight(`${name}.scale`, [], [0.05]);
        const zero = b.tensor(zeroTensor(`${name}.zero`, 'int8', []));
        const q = b.op('QuantizeLinear', [x, scale, zero], {}, { name: `/${name}/QuantizeLinear` });
        return b.op('DequantizeLinear', [q, scale, zero], {}, { name: `/${name}/DequantizeLinear` });
      };
      const weight = (name: string) => {
        const bytes = Uint8Array.from(
          { length: 256 },
          (_, i) => (i * 37 + name.length * 11 + name.charCodeAt(7)) & 255,
        );
        const tensor = b.tensor({ name, dataType: 'int8', dims: [16, 16], data: { kind: 'inline', bytes } });
        return b.op(
          'DequantizeLinear',
          [tensor, b.weight(`${name}.scale`, [], [0.004])],
          {},
          { name: `/${name}/DequantizeLinear` },
        );
      };
      let x = b.input('sample', [1, 16, 4, 4, 16]);
      b.input('timestep', [1]);
      for (let i = 0; i < 3; i++) {
        const a = b.op(
          'MatMul',
          [rounded(x, `blocks.${i}.in`), weight(`blocks.${i}.up.weight`)],
          {},
          { name: `/blocks.${i}/up/MatMul` },
        );
        const r = b.op('Relu', [rounded(a, `blocks.${i}.mid`)], {}, { name: `/blocks.${i}/Relu` });
        const d = b.op(
          'MatMul',
          [rounded(r, `blocks.${i}.act`), weight(`blocks.${i}.down.weight`)],
          {},
          { name: `/blocks.${i}/down/MatMul` },
        );
        x = b.op(
          'Add',
          [rounded(x, `blocks.${i}.skip`), rounded(d, `blocks.${i}.out`)],
          {},
          { name: `/blocks.${i}/Add` },
        );
      }
      b.op('Identity', [x], {}, { outputs: ['out_sample'] });
      b.output('out_sample', [1, 16, 4, 4, 16]);
    },
    { opset: 21 },
  );

  it('is right where it is, and reads what the runtime rounds once', async () => {
    const path = join(folder, 'quantised.onnx');
    await writeFile(path, writeModel(quantised));
    const opened = await openPipeline(await nodeFolder(path), nodeRuntime({ threads: 1 }));
    try {
      const { denoiser, inputs } = opened;
      const size = 16 * 16 * 16;
      const latent = Float32Array.from({ length: size }, (_, i) => 2 * Math.sin(i));
      const feeds = inputs.feeds({ latent, timestep: 3, branches: ['conditional'], guidance: 1, text: {} });
      const pruned = prune(denoiser.modelOf('original'), denoiser.tree, edit.plan);
      const compared = await previewStudent(opened, denoiser, feeds, edit);
      const check = await verifyStudent(opened, denoiser, compared, fileOf(writeModel(pruned), new Uint8Array(0)));
      expect(check.maxDifference).toBeLessThan(1e-5);
      expect(check.cutEffect).toBeGreaterThan(0.05);
      const chains = pruned.graph.nodes.filter(
        ({ opType, inputs: [x] }) => opType === 'QuantizeLinear' && x!.includes('DequantizeLinear'),
      );
      expect(chains).toEqual([]);
    } finally {
      await opened.release();
    }
  });
});
