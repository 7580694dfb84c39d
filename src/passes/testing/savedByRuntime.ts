/** A model as onnxruntime saves it after its own optimisations. For tests. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import type { Model } from '../../onnx/model';
import { readModel } from '../../onnx/readModel';
import { writeModel } from '../../onnx/writeModel';

export async function savedByRuntime(model: Model, graphOptimizationLevel: 'basic' | 'extended'): Promise<Model> {
  const folder = await mkdtemp(join(tmpdir(), 'vdmini-saved-'));
  try {
    const optimizedModelFilePath = join(folder, 'model.onnx');
    const session = await InferenceSession.create(writeModel(model), {
      graphOptimizationLevel,
      optimizedModelFilePath,
      intraOpNumThreads: 1,
      logSeverityLevel: 3,
    });
    await session.release();
    return readModel(await readFile(optimizedModelFilePath));
  } finally {
    await rm(folder, { recursive: true });
  }
}
