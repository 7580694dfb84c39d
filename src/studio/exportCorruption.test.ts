/**
 * Exports of real models (PyTorch's, as float32, 8-bit QDQ, and 16 bits as stored and as computed): twelve kinds of
 * corruption of the written file in twenty places each are all found, and twenty right files pass. The corruption is
 * done to the file's bytes, inline or beside the graph; `verifyStudent.test.ts` has a smaller model and more kinds.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getFloat16, setFloat16 } from '@petamoriken/float16';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { droppableBlocks } from '../../fixtures/exports/matchModules';
import { readExportedModel } from '../../fixtures/exports/readExport';

import { StudioError } from '../errors/StudioError';
import { nodeFolder } from '../library/nodeFolder';
import { memorySource } from '../onnx/memorySource';
import type { DataType, Model } from '../onnx/model';
import { packModel } from '../onnx/packModel';
import { readModel } from '../onnx/readModel';
import { type Random, seededRandom } from '../onnx/testing/fuzz/random';
import { writeModel } from '../onnx/writeModel';
import { prune } from '../passes/prune';
import { exportsRoot, full } from '../passes/testing/exportSamples';
import { latentLength } from '../pipeline/latentFrames';
import { seededNoise } from '../pipeline/seededNoise';
import { nodeRuntime } from '../runtime/nodeRuntime';
import type { SessionModel } from '../runtime/Runtime';
import { openPipeline } from './openPipeline';
import type { Pipeline } from './Pipeline';
import { quantisedTwin } from './testing/quantisedTwin';
import type { Edit } from './Variant';
import { type Preview, previewStudent, verifyStudent } from './verifyStudent';

const PLACES = 20;

/** The written pair of files, as bytes that a test may change. */
interface Written {
  readonly graph: Uint8Array;
  readonly data: Uint8Array;
}

/** A tensor's own range of a written file: changing it changes the file. */
interface Weight {
  readonly name: string;
  readonly dataType: DataType;
  readonly bytes: Uint8Array;
}

async function writeStudent(pipeline: Pipeline, edit: Edit, external: boolean): Promise<Written> {
  const { denoiser } = pipeline;
  const student = prune(denoiser.modelOf('original'), denoiser.tree, edit.plan);
  const layout = external ? ({ kind: 'external', location: 'student.data' } as const) : ({ kind: 'single' } as const);
  const packed = await packModel(student, denoiser.externalData, layout);
  const pieces: Uint8Array[] = [];
  await packed.writeData(async (chunk) => void pieces.push(chunk.slice()));
  return { graph: packed.modelBytes.slice(), data: new Uint8Array(Buffer.concat(pieces)) };
}

const fileOf = ({ graph, data }: Written): SessionModel => ({
  what: 'the file',
  modelBytes: graph,
  externalData: new Map(data.length > 0 ? [['student.data', memorySource(data)]] : []),
});

function weightsOf({ graph, data }: Written): readonly Weight[] {
  return [...readModel(graph).graph.initializers.values()].flatMap(({ name, dataType, data: place }): Weight[] => {
    if (place.kind === 'inline') return [{ name, dataType, bytes: place.bytes }];
    if (place.kind === 'strings') return [];
    return [{ name, dataType, bytes: data.subarray(place.offsetBytes, place.offsetBytes + place.lengthBytes) }];
  });
}

const ELEMENT_BYTES: Partial<Record<DataType, number>> = { float32: 4, float16: 2, int8: 1, uint8: 1 };

/** The elements that a test changes; 8-bit integers by a step where a factor would round away. */
function elements({ dataType, bytes }: Weight) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = ELEMENT_BYTES[dataType]!;
  const count = bytes.length / size;
  const at = (i: number) => i * size;
  const get = (i: number) =>
    dataType === 'float32'
      ? view.getFloat32(at(i), true)
      : dataType === 'float16'
        ? getFloat16(view, at(i), true)
        : view.getInt8(i);
  const set = (i: number, value: number) => {
    if (dataType === 'float32') view.setFloat32(at(i), value, true);
    else if (dataType === 'float16') setFloat16(view, at(i), value, true);
    else view.setInt8(i, Math.round(value) === get(i) ? get(i) ^ 1 : Math.round(value));
  };
  return { count, get, set, isFloat: size > 1 };
}

/** Where one kind of damage is done. `other`: a tensor of the same size and type. */
interface Place {
  readonly file: Written;
  readonly weight: Weight;
  readonly other: Weight;
  readonly random: Random;
}

const scaled = ({ weight, random }: Place, factor: number) => {
  const { count, get, set } = elements(weight);
  const i = random.index(count);
  set(i, get(i) * factor);
};
const special = ({ weight, random }: Place, value: number) => {
  const { count, set, isFloat } = elements(weight);
  set(random.index(count), isFloat ? value : 127);
};

const corruptions: Readonly<Record<string, (place: Place) => Written | void>> = {
  'one value by 1 %': (place) => scaled(place, 1.01),
  'the sign of one value': (place) => scaled(place, -1),
  'a tensor of zeros': ({ weight }) => void weight.bytes.fill(0),
  'a tensor scaled by 1 %': ({ weight }) => {
    const { count, get, set } = elements(weight);
    for (let i = 0; i < count; i++) set(i, get(i) * 1.01);
  },
  'bytes from elsewhere in the file': ({ file, weight, random }) => {
    const from = file.data.length > 0 ? file.data : file.graph;
    const length = Math.min(32, weight.bytes.length);
    const start = random.index(from.length - length);
    weight.bytes.set(from.slice(start, start + length), random.index(weight.bytes.length - length + 1));
  },
  'one NaN': (place) => special(place, NaN),
  'one infinite value': (place) => special(place, -Infinity),
  'two tensors swapped': ({ weight, other }) => {
    const kept = weight.bytes.slice();
    weight.bytes.set(other.bytes);
    other.bytes.set(kept);
  },
  'one bit': ({ weight, random }) => {
    const i = random.index(weight.bytes.length);
    weight.bytes[i]! ^= 1 << random.index(8);
  },
  'an attention weight of zeros': ({ weight }) => void weight.bytes.fill(0),
  'values moved by one byte': ({ weight }) => void weight.bytes.copyWithin(1, 0),
  'the file cut': ({ file, random }) => {
    const cut = (bytes: Uint8Array) => bytes.slice(0, random.index(bytes.length));
    return file.data.length > 0 ? { ...file, data: cut(file.data) } : { ...file, graph: cut(file.graph) };
  },
};

/** The code with which a damaged file was refused; undefined where it passed. */
async function refusal(check: Promise<unknown>): Promise<string | undefined> {
  try {
    await check;
    return undefined;
  } catch (thrown) {
    if (thrown instanceof StudioError) return thrown.code;
    throw thrown;
  }
}

const sources: Readonly<Record<string, () => Model>> = {
  'float32 (Wan)': () => readModel(readExportedModel(exportsRoot, 'wan/dynamo/fixed')),
  '8-bit QDQ (Latte)': () => quantisedTwin(readModel(readExportedModel(exportsRoot, 'latte/legacy/fixed')), 'qdq'),
  'float16 as stored (Latte)': () =>
    quantisedTwin(readModel(readExportedModel(exportsRoot, 'latte/legacy/fixed')), 'stored'),
  'float16 (Latte)': () => readModel(readExportedModel(exportsRoot, 'latte/legacy/fp16')),
};

/** What differs from another of these in the type of its numbers alone is for the full tests. */
const tested = Object.keys(sources).filter((name) => full || name !== 'float16 (Latte)');

describe.each(tested)('an export of %s', (source) => {
  let folder: string;
  let pipeline: Pipeline;
  let edits: readonly Edit[];
  let preview: Preview;
  let right: readonly Written[];
  const previewOf = (edit: Edit) => {
    const { inputs, description, denoiser } = pipeline;
    const latent = seededNoise(1, latentLength(description.latent));
    const feeds = inputs.feeds({ latent, timestep: 500, branches: ['conditional'], guidance: 1, text: {} });
    return previewStudent(pipeline, denoiser, feeds, edit);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'export-corruption-'));
    const path = join(folder, 'model.onnx');
    await writeFile(path, writeModel(sources[source]!()));
    pipeline = await openPipeline(await nodeFolder(path), nodeRuntime({ threads: 1 }));
    const ids = droppableBlocks(pipeline.denoiser.tree).map(({ id }) => id);
    const random = seededRandom(5);
    edits = Array.from({ length: PLACES }, () => ({ plan: { dropped: [random.pick(ids)] }, weights: 'original' }));
    preview = await previewOf(edits[0]!);
    right = await Promise.all([false, true].map((external) => writeStudent(pipeline, edits[0]!, external)));
  });

  afterAll(async () => {
    await pipeline.release();
    await rm(folder, { recursive: true });
  });

  it(`passes as it is written, ${PLACES} plans`, async () => {
    for (const [i, edit] of edits.entries()) {
      const written = await writeStudent(pipeline, edit, i % 2 === 0);
      await verifyStudent(pipeline, pipeline.denoiser, await previewOf(edit), fileOf(written));
    }
  });

  it.each(Object.keys(corruptions))(`is refused with %s, in any of ${PLACES} places`, async (kind) => {
    const random = seededRandom(Object.keys(corruptions).indexOf(kind) + 100);
    const passed: string[] = [];
    for (let done = 0; done < PLACES; ) {
      const before = right[done % 2]!;
      const written = { graph: before.graph.slice(), data: before.data.slice() };
      const weights = weightsOf(written).filter(
        ({ name, dataType, bytes }) =>
          dataType in ELEMENT_BYTES && bytes.length >= 16 && (!kind.includes('attention') || /attn/.test(name)),
      );
      const weight = random.pick(weights);
      const others = weightsOf(written).filter(
        ({ name, dataType, bytes }) =>
          name !== weight.name && dataType === weight.dataType && bytes.length === weight.bytes.length,
      );
      if (others.length === 0) continue;
      const file = corruptions[kind]!({ file: written, weight, other: random.pick(others), random }) ?? written;
      // equal bytes from elsewhere, or a tensor of zeros that was one: nothing was damaged
      if (!Buffer.compare(file.graph, before.graph) && !Buffer.compare(file.data, before.data)) continue;
      done++;
      const code = await refusal(verifyStudent(pipeline, pipeline.denoiser, preview, fileOf(file)));
      const found =
        kind === 'the file cut' ? code !== undefined && code !== 'internal' : code === 'engine/verification-failed';
      if (!found) passed.push(`${weight.name}: ${code}`);
    }
    expect(passed).toEqual([]);
  });
});
