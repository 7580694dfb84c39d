import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { checkModel } from '../onnx/checkModel';
import type { DataType, Graph, Model } from '../onnx/model';
import { buildGraph, buildModel, typeAttribute } from '../onnx/testing/buildModel';
import { castsIntoBranches } from './castsIntoBranches';
import { runOnce, scalarBool } from './testing/runModel';

/** x -> Casts in a row -> Sum of x and those of its type, in `depth` branches within one another, the Casts being in the `at`-th. */
function castsThenBranches(casts: readonly DataType[], at: number, depth: number): Model {
  const level = (n: number): Graph =>
    buildGraph(
      (b) => {
        if (n === 0)
          for (const name of ['x', 'keep']) b.input(name, name === 'x' ? [2] : [], name === 'x' ? 'float32' : 'bool');
        if (n === at)
          casts.forEach((to, i) =>
            b.op('Cast', [i === 0 ? 'x' : `cast${i - 1}`], { to: typeAttribute(to) }, { outputs: [`cast${i}`] }),
          );
        if (n === depth)
          b.op(
            'Sum',
            ['x', ...casts.flatMap((to, i) => (to === 'float32' ? [`cast${i}`] : []))],
            {},
            { outputs: [`y${n}`] },
          );
        else
          b.op(
            'If',
            ['keep'],
            { then_branch: level(n + 1), else_branch: buildGraph((e) => e.output(e.op('Neg', ['x'])), `else${n}`) },
            { outputs: [`y${n}`] },
          );
        b.output(`y${n}`, [2]);
      },
      n === 0 ? '' : `then${n}`,
    );
  return { ...buildModel(() => undefined), graph: level(0) };
}

const run = (model: Model, keep: boolean) =>
  runOnce(model, { x: new Tensor('float32', [1, 2], [2]), keep: scalarBool(keep) });

describe('Casts in a row that branches read', () => {
  it.each([
    [['float64', 'float32'], 0, 1],
    [['float64', 'float32'], 0, 2],
    [['float64', 'float32'], 1, 2],
    [['float32', 'float32', 'float64', 'float32'], 1, 3],
    [['float64', 'float32', 'float32'], 0, 2],
  ] as const)('%j in graph %i, read in graph %i', async (casts, at, depth) => {
    const model = castsThenBranches(casts, at, depth);
    await expect(
      run(model, true),
      'as it is: when this passes, the runtime is mended and the pass can go',
    ).rejects.toThrow('Missing Input');
    const copied = { ...model, graph: castsIntoBranches(model.graph) };
    checkModel(copied);
    const terms = 1 + casts.filter((to) => to === 'float32').length;
    expect([...(await run(copied, true))]).toEqual([terms, 2 * terms]);
    expect([...(await run(copied, false))]).toEqual([-1, -2]);
  });

  it('leaves branches alone that read a single Cast', () => {
    const { graph } = castsThenBranches(['float32'], 0, 2);
    expect(castsIntoBranches(graph)).toEqual(graph);
  });
});
