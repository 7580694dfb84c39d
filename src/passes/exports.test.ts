/**
 * Discovery and surgery against PyTorch, on exports of published models: every droppable module alone, random sets,
 * and the paper's preset against a shallow model built on its own. `VDMINI_EXPORTS` names a folder with the full matrix.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { ExportFacts, Reference } from '../../fixtures/exports/readExport';
import { listExports, readExportedModel, readExportFacts, readReference } from '../../fixtures/exports/readExport';
import { discoverBlocks } from '../blocks/discoverBlocks';
import { presetsFor } from '../blocks/presets';
import { blockIndex } from '../blocks/resolvePlan';
import type { Model } from '../onnx/model';
import { checkModel } from '../onnx/checkModel';
import { readModel } from '../onnx/readModel';
import { gate, gateFeeds } from './gate';
import { prune } from './prune';
import type { Feeds } from './testing/runModel';
import { loadModel, maxDifference, runOnce, scalarBool } from './testing/runModel';

const root = process.env['VDMINI_EXPORTS'] ?? join(__dirname, '../../fixtures/exports');
const TOLERANCE = 3e-5;
/** The committed set runs every eighth single case; the full matrix runs all. */
const STRIDE = process.env['VDMINI_EXPORTS'] ? 1 : 8;

/** The sizes that PyTorch's inputs have, for the graph's symbolic dimensions. */
function bindingsOf(model: Model, facts: ExportFacts, reference: Reference): ReadonlyMap<string, number> {
  const bindings = new Map<string, number>();
  for (const input of facts.inputs) {
    const sizes = reference.inputs.find(({ name }) => name === input.case)!.shape;
    const shape = model.graph.inputs.find(({ name }) => name === input.name)!.type?.shape ?? [];
    shape.forEach((dim, axis) => typeof dim === 'string' && bindings.set(dim, sizes[axis]!));
  }
  return bindings;
}

for (const path of existsSync(root) ? listExports(root) : []) {
  const facts = readExportFacts(root, path);
  const { reference, array } = readReference(root, facts.family);
  const model = readModel(readExportedModel(root, path));
  const tree = discoverBlocks(model, { bindings: bindingsOf(model, facts, reference) });
  const index = blockIndex(tree);
  const feeds: Feeds = Object.fromEntries(
    facts.inputs.map((input) => {
      const place = reference.inputs.find(({ name }) => name === input.case)!;
      const graphInput = model.graph.inputs.find(({ name }) => name === input.name)!;
      const shape = graphInput.type?.shape;
      const fixed = shape?.every((dim) => typeof dim === 'number'); // a scalar timestep may be [] or [1]
      const values = array(place);
      const data = input.dtype === 'int64' && !(values instanceof BigInt64Array) ? BigInt64Array.from(values, (value) => BigInt(Math.round(value))) : values;
      return [input.name, new Tensor(input.dtype as 'float32', data as Float32Array, fixed ? (shape as number[]) : place.shape)];
    }),
  );

  describe(path, () => {
    it('accounts for every weight and every multiplication once', () => {
      const sum = (key: 'parameters' | 'bytes') => tree.blocks.reduce((total, block) => total + block[key], 0);
      expect(sum('parameters')).toBe(tree.totals.parameters);
      expect(sum('bytes')).toBe(tree.totals.bytes);
    });

    it('gives PyTorch its results back', async () => {
      let run = 0;
      for (const [number, expected] of reference.cases.entries()) {
        if (expected.kind === 'single' && number % STRIDE !== 0) continue;
        const preset = presetsFor(tree).find(({ id }) => id === 'vdmini');
        const dropped = expected.kind === 'preset' ? preset!.plan.dropped : expected.dropped;
        if (!dropped.every((id) => index.get(id)?.droppable)) continue;
        const pruned = prune(model, tree, { dropped });
        checkModel(pruned);
        expect(pruned.graph.inputs).toEqual(model.graph.inputs);
        expect(pruned.graph.outputs).toEqual(model.graph.outputs);
        const output = await runOnce(pruned, feeds);
        expect(maxDifference(output, array(expected.output) as Float32Array), `${expected.kind} ${dropped.join(', ')}`).toBeLessThan(TOLERANCE);
        if (dropped.length > 0) expect(expected.effect).toBeGreaterThan(TOLERANCE);
        run++;
      }
      expect(run).toBeGreaterThan(8);
    });

    it('does the same with gates in one session', async () => {
      const gated = gate(model, tree);
      checkModel(gated.model);
      const session = await loadModel(gated.model);
      let run = 0;
      for (const expected of reference.cases) {
        const dropped = expected.kind === 'preset' ? presetsFor(tree).find(({ id }) => id === 'vdmini')!.plan.dropped : expected.dropped;
        if (!dropped.every((id) => index.get(id)?.droppable)) continue;
        const keeps = Object.fromEntries([...gateFeeds(gated.gates, tree, { dropped })].map(([name, keep]) => [name, scalarBool(keep)]));
        const output = await session.run({ ...feeds, ...keeps });
        expect(maxDifference(output, array(expected.output) as Float32Array), `${expected.kind} ${dropped.join(', ')}`).toBeLessThan(TOLERANCE);
        run++;
      }
      await session.release();
      expect(run).toBeGreaterThan(10);
    });
  });
}
