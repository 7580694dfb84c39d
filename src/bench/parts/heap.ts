/**
 * The largest model that a session on WebAssembly opens and steps in the tab, found by trying: what
 * `runtime/weightLimits.ts` is set by. Gated and optimised as the studio runs it, weights in files beside the graph that
 * hold nothing but a length. No ratio: it prints what it found.
 */
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataType, Tensor } from '../../onnx/model';
import { buildModel, type GraphBuilder, typeAttribute } from '../../onnx/testing/buildModel';
import { writeModel } from '../../onnx/writeModel';
import { openTabRuntime, type TabRuntime } from '../tab/openTabRuntime';

type WeightType = Extract<DataType, 'float32' | 'float16'>;
type Kind = 'MatMul' | 'Conv';

/** Of one weight, in values: 1,280 x 1,280 x 3 x 3, as the widest convolutions of SVD but two. */
const WIDTH = 1280;
const VALUES = WIDTH * WIDTH * 9;
/** Tokens, or pixels of a picture of 4 x 4. */
const TOKENS = 16;
const STEP_GB = 0.1;

/** Throws where there is no Chromium. */
export async function heap(say: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vdmini-bench-'));
  const served = new Map([['/weights.onnx', join(folder, 'weights.onnx')]]);
  const runtime = await openTabRuntime(folder, served);
  try {
    say(`Chromium ${runtime.browser}; a heap ends at ${gigabytes(2 ** 32)}`);
    for (const kind of ['MatMul', 'Conv'] as const)
      for (const type of ['float32', 'float16'] as const) say(await largest(runtime, folder, kind, type));
  } finally {
    await runtime.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function largest(runtime: TabRuntime, folder: string, kind: Kind, type: WeightType): Promise<string> {
  const tried = async (steps: number): Promise<Tried> => {
    const blocks = Math.round((steps * STEP_GB * 1e9) / (2 * VALUES * bytesOf(type)));
    return attempt(runtime, folder, kind, type, blocks);
  };
  let [low, high] = [1, Math.ceil(4.5 / STEP_GB)];
  let [held, failed]: [Tried | undefined, Tried | undefined] = [undefined, undefined];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const result = await tried(middle);
    if (result.error === undefined) [low, held] = [middle, result];
    else [high, failed] = [middle, result];
  }
  const opened = held
    ? `${gigabytes(held.weightBytes)} open and step, the heap at ${gigabytes(held.heapBytes)}`
    : 'none opens';
  return `${kind}, ${type}: ${opened}; ${failed ? `${gigabytes(failed.weightBytes)} fail: ${failed.error}` : 'none fails'}`;
}

interface Tried {
  readonly weightBytes: number;
  readonly heapBytes: number;
  readonly error?: string;
}

async function attempt(
  runtime: TabRuntime,
  folder: string,
  kind: Kind,
  type: WeightType,
  blocks: number,
): Promise<Tried> {
  const weightBytes = blocks * 2 * VALUES * bytesOf(type);
  await writeFile(join(folder, 'weights.onnx'), writeModel(residual(kind, type, blocks)));
  const weights = join(folder, 'weights.data');
  const file = await open(weights, 'w');
  await file.truncate(weightBytes);
  await file.close();
  await runtime.restart([weights]);
  const dims = kind === 'MatMul' ? [1, TOKENS, WIDTH] : [1, WIDTH, 4, 4];
  try {
    const { heapBytes } = await runtime.call({
      url: '/weights.onnx',
      form: 'gated optimised',
      backend: 'wasm',
      latentInput: 'hidden_states',
      bindings: [],
      batch: 1,
      feeds: { hidden_states: { dims, values: 1 } },
      runs: 1,
      fresh: true,
    });
    return { weightBytes, heapBytes };
  } catch (thrown) {
    return { weightBytes, heapBytes: 0, error: String(thrown).split('\n')[0]!.slice(0, 160) };
  }
}

/** Blocks x + W2 relu(W1 x), every weight at a place of its own in the file. */
function residual(kind: Kind, type: WeightType, blocks: number) {
  const width = kind === 'MatMul' ? 9 * WIDTH : WIDTH;
  return buildModel((b) => {
    const isHalf = type === 'float16';
    const shape = kind === 'MatMul' ? [1, TOKENS, WIDTH] : [1, WIDTH, 4, 4];
    let x = b.input('hidden_states', shape);
    if (isHalf) x = b.op('Cast', [x], { to: typeAttribute('float16') });
    for (let block = 0; block < blocks; block++) {
      const product = (value: string, part: 0 | 1): string => {
        const dims = kind === 'Conv' ? [WIDTH, WIDTH, 3, 3] : part === 0 ? [WIDTH, width] : [width, WIDTH];
        const weight = external(b, `blocks.${block}.fc${part}.weight`, type, dims, 2 * block + part);
        return b.op(kind, [value, weight], kind === 'Conv' ? { pads: [1, 1, 1, 1] } : {}, {
          name: `/blocks.${block}/fc${part}/${kind}`,
        });
      };
      x = b.op('Add', [x, product(b.op('Relu', [product(x, 0)]), 1)], {}, { name: `/blocks.${block}/Add` });
    }
    b.op(isHalf ? 'Cast' : 'Identity', [x], isHalf ? { to: typeAttribute('float32') } : {}, { outputs: ['out'] });
    b.output('out', shape);
  });
}

function external(b: GraphBuilder, name: string, dataType: WeightType, dims: readonly number[], place: number): string {
  const lengthBytes = VALUES * bytesOf(dataType);
  const tensor: Tensor = {
    name,
    dataType,
    dims,
    data: { kind: 'external', location: 'weights.data', offsetBytes: place * lengthBytes, lengthBytes },
  };
  return b.tensor(tensor);
}

const bytesOf = (type: WeightType): number => (type === 'float32' ? 4 : 2);
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
