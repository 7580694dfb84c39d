/**
 * Gradients of whole published models against torch.autograd, which computed them in float64 (training/exports/gradients.py):
 * every trained weight, its norm and a spread of its entries. One U-Net by default, all of them under VDMINI_FULL=1.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { float32Feeds } from '../../../fixtures/exports/float32Feeds';
import { readExportedModel } from '../../../fixtures/exports/readExport';
import { readGradients } from '../../../fixtures/exports/readGradients';
import { checkModel } from '../../onnx/checkModel';
import type { Model } from '../../onnx/model';
import { readModel } from '../../onnx/readModel';
import { tensorValues } from '../../onnx/tensorValues';
import { writeModel } from '../../onnx/writeModel';
import { exportPaths, exportsRoot, full } from '../testing/exportSamples';
import { differentiate } from './differentiate';
import { floatBytes } from './toFloat32';

const unets = /^(svd|animatediff|modelscope)/;
const paths = exportPaths.filter((path) => /fixed$/.test(path) && readGradients(exportsRoot, path));
const chosen = full ? paths : paths.filter((path) => !unets.test(path) || path === 'animatediff/legacy/fixed');
/** Fused by onnxruntime, saved by it, without names, with free sizes: the same gradients. */
const variants = exportPaths.filter(
  (path) => /(fused|ort-basic|ort-extended|stripped|dynamic)$/.test(path) && !unets.test(path),
);

/** Relative error of the worst weight, and how many weights have no gradient. */
async function worstError(
  path: string,
  model: Model,
): Promise<{ worst: number; at: string; missing: readonly string[]; loss: number }> {
  const reference = readGradients(exportsRoot, path)!;
  const names = new Set(reference.initializers);
  const { bindings, feeds, masks: inputValues } = float32Feeds(exportsRoot, path, model);
  const graph = differentiate(model, { bindings, inputValues, withRespectTo: ({ name }) => names.has(name) });
  checkModel(graph);
  const session = await InferenceSession.create(writeModel(graph), {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
    graphOptimizationLevel: 'basic',
  });
  const outputs = await session.run({
    ...feeds,
    target: new Tensor('float32', reference.target.values, reference.target.shape),
  });
  let worst = { error: 0, at: '' };
  const missing = reference.initializers.filter((name) => !outputs[`gradient:${name}`]);
  for (const name of reference.initializers) {
    const gradient = outputs[`gradient:${name}`];
    const error = gradient ? reference.error(name, gradient.data as Float32Array) : 0;
    if (!(error <= worst.error)) worst = { error, at: name };
  }
  await session.release();
  return {
    worst: worst.error,
    at: worst.at,
    missing,
    loss: (outputs['loss']!.data as Float32Array)[0]! / reference.loss,
  };
}

const opened = (path: string): Model => readModel(readExportedModel(exportsRoot, path));

/** Weights of the references lie on a grid that half precision holds exactly. */
function halfStored(model: Model, names: ReadonlySet<string>): Model {
  const initializers = new Map(model.graph.initializers);
  for (const name of names) {
    const tensor = initializers.get(name)!;
    const bytes = floatBytes(tensorValues(tensor) as Float32Array, 'float16');
    initializers.set(`${name}:half`, {
      ...tensor,
      name: `${name}:half`,
      dataType: 'float16',
      data: { kind: 'inline', bytes },
    });
    initializers.delete(name);
  }
  const casts = [...names].map((name) => ({
    name: `Cast:${name}`,
    domain: '',
    opType: 'Cast',
    inputs: [`${name}:half`],
    outputs: [name],
    attributes: new Map([['to', { kind: 'int', value: 1n } as const]]),
  }));
  return { ...model, graph: { ...model.graph, initializers, nodes: [...casts, ...model.graph.nodes] } };
}

describe('against torch.autograd', () => {
  it.each(chosen)(
    '%s',
    async (path) => {
      const { worst, at, missing, loss } = await worstError(path, opened(path));
      expect(missing).toEqual([]);
      expect(loss).toBeCloseTo(1, 5);
      expect(worst, at).toBeLessThan(1e-3);
    },
    300_000,
  );

  it.each(full ? variants : variants.filter((path) => /^(wan|latte|cogvideox)|^mochi.legacy.ort-extended/.test(path)))(
    '%s',
    async (path) => {
      const { worst, at, missing } = await worstError(path, opened(path));
      expect(missing).toEqual([]);
      expect(worst, at).toBeLessThan(1e-3);
    },
    300_000,
  );

  it.each(exportPaths.filter((path) => path.endsWith('/fp16')))(
    '%s computes in float32, with constants rounded',
    async (path) => {
      const { worst, at, missing } = await worstError(path, opened(path));
      expect(missing).toEqual([]);
      expect(worst, at).toBeLessThan(2e-2);
    },
  );

  it.each(['wan/legacy/fixed', 'latte/dynamo/fixed'])('%s with weights stored in half precision', async (path) => {
    const names = new Set(readGradients(exportsRoot, path)!.initializers);
    const model = halfStored(opened(path), names);
    const reference = readGradients(exportsRoot, path)!;
    const { bindings, feeds } = float32Feeds(exportsRoot, path, model);
    const graph = differentiate(model, { bindings, withRespectTo: /:half$/ });
    const session = await InferenceSession.create(writeModel(graph), { intraOpNumThreads: 1, logSeverityLevel: 4 });
    const outputs = await session.run({
      ...feeds,
      target: new Tensor('float32', reference.target.values, reference.target.shape),
    });
    for (const name of names) {
      const gradient = outputs[`gradient:${name}:half`]!.data as Float32Array;
      expect(reference.error(name, gradient), name).toBeLessThan(1e-3);
    }
    await session.release();
  });
});
