/** Runs a model once in onnxruntime-node, for tests of the passes. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Model } from '../../onnx/model';
import { writeModel } from '../../onnx/writeModel';

export type Feeds = Readonly<Record<string, Tensor>>;

export interface LoadedModel {
  readonly outputNames: readonly string[];
  /** The first output, as numbers. */
  run(feeds: Feeds): Promise<Float32Array>;
  release(): Promise<void>;
}

export async function loadModel(model: Model): Promise<LoadedModel> {
  const session = await InferenceSession.create(writeModel(model), { intraOpNumThreads: 1, logSeverityLevel: 4 });
  return {
    outputNames: session.outputNames,
    run: async (feeds) => {
      const outputs = await session.run(feeds as Record<string, Tensor>);
      return outputs[session.outputNames[0]!]!.data as Float32Array;
    },
    release: () => session.release(),
  };
}

export async function runOnce(model: Model, feeds: Feeds): Promise<Float32Array> {
  const loaded = await loadModel(model);
  try {
    return await loaded.run(feeds);
  } finally {
    await loaded.release();
  }
}

export const scalarBool = (value: boolean): Tensor => new Tensor('bool', [value], []);

export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = a.length === b.length ? 0 : Infinity;
  for (let index = 0; index < a.length; index++) largest = Math.max(largest, Math.abs(a[index]! - b[index]!));
  return largest;
}
