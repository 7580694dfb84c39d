/** Graphs that bear the names which the passes would give, and that list weights as inputs: cut, gated, and run. */
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { discoverBlocks } from '../blocks/discoverBlocks';
import { checkModel } from '../onnx/checkModel';
import type { Model } from '../onnx/model';
import { buildModel } from '../onnx/testing/buildModel';
import { gate } from './gate';
import { prune } from './prune';
import { loadModel, maxDifference, runOnce, scalarBool } from './testing/runModel';

/** Four residual blocks; `x3` is an output too, so that dropping `blocks.2` needs an Identity. */
function denoiser(change: (name: string) => string = (name) => name): Model {
  return buildModel((b) => {
    let x = b.op(
      'MatMul',
      [b.input('sample', [1, 6, 8]), b.weight('proj_in.weight', [8, 8])],
      {},
      { name: '/proj_in/MatMul', outputs: ['x0'] },
    );
    for (let i = 0; i < 4; i++) {
      const at = (name: string) => change(`/blocks.${i}/${name}`);
      const up = b.op(
        'MatMul',
        [x, b.weight(`blocks.${i}.up.weight`, [8, 8])],
        {},
        { name: at('up/MatMul'), outputs: [`a${i}`] },
      );
      const act = b.op('Relu', [up], {}, { name: at('Relu'), outputs: [`r${i}`] });
      const down = b.op(
        'MatMul',
        [act, b.weight(`blocks.${i}.down.weight`, [8, 8])],
        {},
        { name: at('down/MatMul'), outputs: [`d${i}`] },
      );
      x = b.op('Add', [x, down], {}, { name: at('Add'), outputs: [`x${i + 1}`] });
    }
    b.output(b.op('Neg', [x], {}, { outputs: ['out_sample'] }), [1, 6, 8]);
    b.output('x3', [1, 6, 8]);
  });
}

const feeds = {
  sample: new Tensor(
    'float32',
    Float32Array.from({ length: 48 }, (_, i) => Math.sin(i)),
    [1, 6, 8],
  ),
};
const open = (model: Model) => ({ model, tree: discoverBlocks(model, { bindings: new Map() }) });
const expected = async () => {
  const { model, tree } = open(denoiser());
  return runOnce(prune(model, tree, { dropped: ['blocks.2'] }), feeds);
};

describe.each(['Identity:x3', 'x3:dropped', 'If:blocks.2:x3', 'keep:blocks.2', 'x3:on:blocks.2', 'x3:off:blocks.2'])(
  'a node named %s',
  (taken) => {
    const { model, tree } = open(denoiser((name) => (name === '/blocks.0/Relu' ? taken : name)));

    it('stays, and the cut beside it runs', async () => {
      const pruned = prune(model, tree, { dropped: ['blocks.2'] });
      checkModel(pruned);
      expect(maxDifference(await runOnce(pruned, feeds), await expected())).toBeLessThan(1e-6);
      const { model: gated, gates } = gate(model, tree);
      checkModel(gated);
      const session = await loadModel(gated);
      const keeps = Object.fromEntries(
        [...gates].map(([id, input]) => [input, scalarBool(!id.startsWith('blocks.2'))]),
      );
      expect(maxDifference(await session.run({ ...feeds, ...keeps }), await expected())).toBeLessThan(1e-6);
      await session.release();
    });
  },
);

describe.each([3, 8])('weights that are inputs, in a file of IR %i', (irVersion) => {
  it.each([[[]], [['blocks.1']], [['blocks.0', 'blocks.3']]])(
    'without %j the file asks for the sample alone',
    async (dropped) => {
      const plain = denoiser();
      const weights = [...plain.graph.initializers.values()].map(({ name, dims, dataType }) => ({
        name,
        type: { dataType, shape: dims },
      }));
      const { model, tree } = open({
        ...plain,
        irVersion,
        graph: { ...plain.graph, inputs: [...plain.graph.inputs, ...weights] },
      });
      const pruned = prune(model, tree, { dropped });
      const session = await loadModel(pruned);
      expect(
        maxDifference(await session.run(feeds), await runOnce(prune(plain, open(plain).tree, { dropped }), feeds)),
      ).toBe(0);
      expect(
        pruned.graph.inputs.map(({ name }) => name).filter((name) => !pruned.graph.initializers.has(name)),
      ).toEqual(['sample']);
      expect(pruned.graph.inputs).toHaveLength(1 + pruned.graph.initializers.size);
      await session.release();
    },
  );
});
