/** The rest of a graph, fed with the teacher's features, on a chain whose parts are known. That it gives what the whole gives is tested on a teacher, in `partialDenoiser.test`. */
import { describe, expect, it } from 'vitest';
import { checkModel } from '../onnx/checkModel';
import { buildModel } from '../onnx/testing/buildModel';
import { suffix } from './suffix';

describe('the suffix of a graph', () => {
  const chain = buildModel((b) => {
    const x = b.input('x', [2]);
    const t = b.input('t', [2]);
    const early = b.op('Mul', [x, b.weight('a', [1], [2])], {}, { name: 'early' });
    const side = b.op('Add', [early, x], {}, { name: 'side' });
    const scale = b.op('Exp', [b.weight('c', [1], [0])], {}, { name: 'constant' });
    const late = b.op('Mul', [b.op('Add', [side, t], {}, { name: 'late' }), scale], {}, { name: 'scaled' });
    b.op('Add', [late, early], {}, { name: 'last', outputs: ['y'] });
    b.output('y', [2]);
  });
  const types = new Map(
    chain.graph.nodes.flatMap(({ outputs }) =>
      outputs.map((name) => [name, { dataType: 'float32', shape: [2] }] as const),
    ),
  );

  it('is what follows the change, what is computed from weights, and nothing else', () => {
    const cut = suffix(chain, ['t'], types)!;
    checkModel(cut.model);
    expect(cut.model.graph.nodes.map(({ name }) => name)).toEqual(['constant', 'late', 'scaled', 'last']);
    const [early, side] = ['early', 'side'].map(
      (name) => chain.graph.nodes.find((node) => node.name === name)!.outputs[0],
    );
    expect([...cut.features].sort()).toEqual([early, side].sort());
    expect(cut.model.graph.inputs.map(({ name }) => name).sort()).toEqual([early, side, 't'].sort());
    expect([...cut.model.graph.initializers.keys()]).toEqual(['c']);
  });

  it('is nothing where nothing follows, or a type is not known', () => {
    expect(
      suffix({ ...chain, graph: { ...chain.graph, outputs: [{ name: types.keys().next().value! }] } }, ['t'], types),
    ).toBeNull();
    expect(suffix(chain, ['t'], new Map())).toBeNull();
  });
});
