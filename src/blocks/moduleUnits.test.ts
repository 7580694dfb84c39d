/** Units under the names of modules, in small graphs planted as exporters write them; against PyTorch: `passes/furtherExports.test.ts`. */
import { describe, expect, it } from 'vitest';
import type { Model } from '../onnx/model';
import { buildModel } from '../onnx/testing/buildModel';
import { discoverBlocks } from './discoverBlocks';
import { allBlocks } from './plan';

interface Network {
  readonly sample: string;
  readonly timestep: string;
  /** A product with weights, as a call of `module`. */
  linear(x: string, module: string): string;
  op(opType: string, inputs: readonly string[], module: string): string;
  /** Adds numbers that depend on no input. */
  shifted(x: string, module: string): string;
  /** Adds one number. */
  plus(x: string, value: number, module: string): string;
  /** Tokens from one place to another. */
  tokens(x: string, from: number, to: number, module: string): string;
  /** One token, its axis taken away and put in again. */
  one(x: string, at: number, module: string): string;
  /** Tokens of one after those of the other, or channels. */
  joined(parts: readonly string[], module: string, axis?: number): string;
  /** A product with weights of another width. */
  projection(x: string, module: string, from: number, to: number): string;
}

const network = (build: (n: Network) => string): Model =>
  buildModel((b) => {
    let count = 0;
    const op = (opType: string, inputs: readonly string[], module: string) =>
      b.op(opType, inputs, {}, { name: `/${module.replaceAll('|', '/')}/${opType}_${count++}` });
    const projection = (x: string, module: string, from: number, to: number) =>
      op('MatMul', [x, b.weight(`${module.replaceAll('|', '.')}.weight`, [from, to])], module);
    const linear = (x: string, module: string) => projection(x, module, 8, 8);
    const shifted = (x: string, module: string) => op('Add', [x, b.weight('table', [1, 4, 8])], module);
    const plus = (x: string, value: number, module: string) =>
      op('Add', [x, b.weight(`number_${count++}`, [1], [value])], module);
    const tokens = (x: string, from: number, to: number, module: string) => {
      const place = (at: number) => b.ints(`place_${count++}`, [at]);
      return op('Slice', [x, place(from), place(to), place(1)], module);
    };
    const one = (x: string, at: number, module: string) => {
      const taken = { name: `/${module.replaceAll('|', '/')}/Gather_${count++}` };
      const token = b.op('Gather', [x, b.ints(`place_${count++}`, at)], { axis: 1 }, taken);
      return op('Unsqueeze', [token, b.ints(`place_${count++}`, [1])], module);
    };
    const joined = (parts: readonly string[], module: string, axis = 1) =>
      b.op('Concat', parts, { axis }, { name: `/${module.replaceAll('|', '/')}/Concat_${count++}` });
    const [sample, timestep] = [b.input('sample', [1, 4, 8]), b.input('timestep', [1, 8])];
    const made = build({ sample, timestep, linear, op, shifted, plus, tokens, one, joined, projection });
    b.output(linear(made, 'proj_out'), [1, 4, 8]);
  });

const offered = (model: Model): readonly string[] =>
  allBlocks(discoverBlocks(model, { bindings: new Map() })).flatMap(({ id, droppable }) => (droppable ? [id] : []));

describe('modules that can go', () => {
  it('may begin with a capital, as operators do', () => {
    const model = network(({ sample, linear, op, shifted }) => {
      let x = linear(sample, 'proj_in');
      for (const at of [0, 1]) {
        const module = `block.${at}|SelfAttention`;
        const inner = op('Sigmoid', [shifted(linear(x, `${module}|q`), module)], module);
        x = op('Add', [x, linear(inner, `${module}|o`)], `block.${at}`);
      }
      return x;
    });
    expect(offered(model)).toEqual(['block.0', 'block.0.SelfAttention', 'block.1', 'block.1.SelfAttention']);
  });

  it('may compute a condition that others use as well', () => {
    const model = network(({ sample, timestep, linear, op }) => {
      const condition = linear(op('Sigmoid', [timestep], 'blocks.0|emb'), 'blocks.0|emb|fc');
      let x = linear(sample, 'proj_in');
      for (const at of [0, 1]) {
        const inner = linear(op('Mul', [x, condition], `blocks.${at}`), `blocks.${at}|fc1`);
        x = op('Add', [x, linear(op('Relu', [inner], `blocks.${at}`), `blocks.${at}|fc2`)], `blocks.${at}`);
      }
      return op('Mul', [x, condition], 'norm_out');
    });
    expect(offered(model)).toEqual(expect.arrayContaining(['blocks.0', 'blocks.1']));
  });

  it('may be the last of several that a branch runs through, if they are more than one product', () => {
    const model = network(({ sample, linear, op }) => {
      let x = linear(sample, 'proj_in');
      for (const at of [0, 1]) {
        const block = `blocks.${at}`;
        const attended = op('Add', [x, linear(linear(x, `${block}|attn|v`), `${block}|attn|out`)], block);
        const inner = op('Relu', [linear(op('Tanh', [attended], block), `${block}|ff|fc1`)], `${block}|ff`);
        x = op('Add', [x, linear(inner, `${block}|ff|fc2`)], block);
      }
      return x;
    });
    expect(offered(model)).toEqual(expect.arrayContaining(['blocks.0', 'blocks.0.attn', 'blocks.0.ff', 'blocks.1.ff']));
    expect(offered(model).some((id) => id.endsWith('fc2'))).toBe(false);
  });
});

describe('a module that ends what another began', () => {
  it('goes under the name of the module that holds both, not under its own', () => {
    const model = network(({ sample, linear, op }) => {
      let x = linear(sample, 'proj_in');
      for (const at of [0, 1]) {
        const layer = `layer.${at}`;
        const inner = op('Tanh', [linear(x, `${layer}|self|value`)], `${layer}|self`);
        x = op(
          'Sigmoid',
          [op('Add', [linear(inner, `${layer}|output|dense`), x], `${layer}|output`)],
          `${layer}|output`,
        );
      }
      return x;
    });
    expect(offered(model)).toEqual(['layer.0', 'layer.1']);
  });

  it('goes under its own name where what the other made is wider than what it adds to', () => {
    const model = network(({ sample, linear, op, projection }) => {
      let x = linear(sample, 'proj_in');
      for (const at of [0, 1]) {
        const layer = `layer.${at}`;
        const attended = op('Add', [linear(linear(x, `${layer}|attn|v`), `${layer}|attn|out`), x], layer);
        const wide = op('Tanh', [projection(attended, `${layer}|intermediate`, 8, 16)], `${layer}|intermediate`);
        const back = projection(wide, `${layer}|output|dense`, 16, 8);
        x = op('Add', [back, attended], `${layer}|output`);
      }
      return x;
    });
    const one = (layer: string) => [layer, `${layer}.attn`, `${layer}.output`];
    expect(offered(model)).toEqual([...one('layer.0'), ...one('layer.1')]);
  });
});

describe('a module that works on some of the tokens', () => {
  const model = (parts: (x: string, n: Network, block: string) => readonly string[]) =>
    network((n) => {
      let x = n.linear(n.sample, 'proj_in');
      for (const at of [0, 1]) {
        const block = `blocks.${at}`;
        const joined = n.joined(parts(x, n, block), block);
        const inner = n.linear(joined, `${block}|ff|fc1`);
        x = n.op('Add', [joined, n.linear(n.op('Relu', [inner], `${block}|ff`), `${block}|ff|fc2`)], block);
      }
      return x;
    });
  const attended = (x: string, { op, linear }: Network, block: string) =>
    op('Add', [x, linear(linear(x, `${block}|attn|v`), `${block}|attn|out`)], block);

  it('can go where all of them are put together again as they were', () => {
    const whole = model((x, n, block) => [n.tokens(x, 0, 1, block), attended(n.tokens(x, 1, 4, block), n, block)]);
    expect(offered(whole)).toEqual(
      ['blocks.0', 'blocks.1'].flatMap((block) => [block, `${block}.attn`, `${block}.ff`]),
    );
  });

  it('can go where the branch reads the parts and not what they are put together to', () => {
    const whole = network((n) => {
      let x = n.linear(n.sample, 'proj_in');
      for (const at of [0, 1]) {
        const block = `blocks.${at}`;
        const [first, others] = [n.one(x, 0, block), attended(n.tokens(x, 1, 4, block), n, block)];
        const mixed = n.linear(n.joined([others, first], block), `${block}|space|v`);
        const spread = n.linear(n.op('Tanh', [mixed], `${block}|space`), `${block}|space|out`);
        x = n.op('Add', [n.joined([first, others], block), spread], block);
      }
      return x;
    });
    expect(offered(whole)).toEqual(
      ['blocks.0', 'blocks.1'].flatMap((block) => [block, `${block}.attn`, `${block}.space`]),
    );
  });

  it('stays where they change places, or some come twice', () => {
    const turned = model((x, n, block) => [attended(n.tokens(x, 1, 4, block), n, block), n.tokens(x, 0, 1, block)]);
    const twice = model((x, n, block) => [n.tokens(x, 0, 1, block), attended(n.tokens(x, 0, 3, block), n, block)]);
    for (const model of [turned, twice]) {
      expect(offered(model)).toEqual(expect.arrayContaining(['blocks.0.attn', 'blocks.0.ff']));
      expect(offered(model)).not.toContain('blocks.0');
    }
  });
});

describe('a module with weights on both sides of its sum that reads two values side by side', () => {
  const model = (order: (deep: string, shallow: string) => readonly string[]) =>
    network(({ sample, linear, op, joined, projection }) => {
      const shallow = linear(sample, 'proj_in');
      const deep = linear(op('Tanh', [linear(op('Tanh', [shallow], 'a'), 'a')], 'b'), 'b');
      const both = joined(order(deep, shallow), 'join', 2);
      const inner = op('Relu', [projection(both, 'blocks.0|fc1', 16, 8)], 'blocks.0');
      return op('Add', [projection(both, 'blocks.0|short', 16, 8), linear(inner, 'blocks.0|fc2')], 'blocks.0');
    });

  it('can go where the second was kept for the first', () => {
    expect(offered(model((deep, shallow) => [deep, shallow]))).toEqual(['blocks.0']);
  });

  it('stays where they are two streams', () => {
    const streams = model((deep, shallow) => [shallow, deep]);
    expect(offered(streams)).toEqual([]);
    const [block] = allBlocks(discoverBlocks(streams, { bindings: new Map() })).filter(({ id }) => id === 'blocks.0');
    expect(block?.reason).toMatch(/^Two streams run into it/);
  });
});

describe('a module that scales and shifts by a condition', () => {
  const model = (condition: (n: Network, module: string) => (x: string) => string) =>
    network((n) => {
      let x = n.linear(n.sample, 'proj_in');
      for (const at of [0, 1]) {
        x = condition(n, `time.${at}`)(x);
        const block = `blocks.${at}`;
        const inner = n.linear(x, `${block}|fc1`);
        x = n.op('Add', [x, n.linear(n.op('Relu', [inner], block), `${block}|fc2`)], block);
      }
      return x;
    });
  const modulation = (n: Network, module: string, add: number) => (x: string) => {
    const scale = n.plus(n.linear(n.timestep, `${module}|scale`), add, module);
    return n.op('Add', [n.op('Mul', [x, scale], module), n.linear(n.timestep, `${module}|shift`)], module);
  };

  it('can go where it scales by 1 and what it makes', () => {
    expect(offered(model((n, module) => modulation(n, module, 1)))).toEqual([
      'time.0',
      'blocks.0',
      'time.1',
      'blocks.1',
    ]);
  });

  it('stays where it scales by something else, or normalises as well', () => {
    const other = model((n, module) => modulation(n, module, 2));
    const normal = model((n, module) => (x) => modulation(n, module, 1)(n.op('Tanh', [x], module)));
    for (const model of [other, normal]) expect(offered(model)).toEqual(['blocks.0', 'blocks.1']);
  });
});

/** As the legacy exporter writes calls; `weights`: the path of a module by its weights, where that is another. */
const written = (
  build: (n: { call(x: string, name: string, weights: string): string; sample: string }) => string,
): Model =>
  buildModel((b) => {
    let count = 0;
    const sample = b.input('sample', [1, 4, 8]);
    const call = (x: string, name: string, weights: string): string => {
      const op = (opType: string, inputs: readonly string[], module: string) =>
        b.op(opType, inputs, {}, { name: `/${module}/${opType}_${count++}` });
      const part = (of: string, inner: string) =>
        op('MatMul', [of, b.weight(`${weights}.${inner}.weight`, [8, 8])], `${name}/${inner}`);
      return op('Add', [x, part(op('Relu', [part(x, 'fc1')], name), 'fc2')], name);
    };
    const between = (x: string) => b.op('Tanh', [x], {}, { name: `/decoder/Tanh_${count++}` });
    const last = build({ sample, call: (x, name, weights) => between(call(x, name, weights)) });
    b.output(b.op('MatMul', [last, b.weight('decoder.out.weight', [8, 8])], {}, { name: '/decoder/out/MatMul' }), null);
  });

describe('modules that are called without the one around them', () => {
  it('have the names of their weights', () => {
    const model = written(({ sample, call }) => {
      let x = sample;
      for (const level of [1, 0])
        for (const at of [0, 1]) x = call(x, `decoder/block.${at}`, `decoder.up.${level}.block.${at}`);
      return x;
    });
    expect(offered(model)).toEqual([1, 0].flatMap((level) => [0, 1].map((at) => `decoder.up.${level}.block.${at}`)));
  });

  it('may be entries of a dictionary, which no name has', () => {
    const model = written(({ sample, call }) =>
      [0, 1].reduce((x, at) => call(x, `image.${at}`, `modes.image.${at}`), sample),
    );
    expect(offered(model)).toEqual(['modes.image.0', 'modes.image.1']);
  });

  it('keep the name that is written where the weights of one call say two things', () => {
    const model = buildModel((b) => {
      let count = 0;
      const op = (opType: string, inputs: readonly string[], module: string) =>
        b.op(opType, inputs, {}, { name: `/${module}/${opType}_${count++}` });
      const part = (x: string, at: number, inner: string, weights: string) =>
        op('MatMul', [x, b.weight(`${weights}.${at}.${inner}.weight`, [8, 8])], `block.${at}/${inner}`);
      let x = b.input('sample', [1, 4, 8]);
      for (const at of [0, 1])
        x = op(
          'Add',
          [x, part(op('Relu', [part(x, at, 'fc1', 'one.block')], `block.${at}`), at, 'fc2', 'two.block')],
          `block.${at}`,
        );
      b.output(b.op('MatMul', [x, b.weight('out.weight', [8, 8])], {}, { name: '/out/MatMul' }), null);
    });
    expect(offered(model)).toEqual(['block.0', 'block.1']);
  });
});

describe('a layer that is given parts of a value', () => {
  /** As torch.export writes them after the whole was written to: taken where they are first read, by the norm. */
  const model = (takenIn: (layer: string, name: string) => string) =>
    buildModel((b) => {
      const op = (opType: string, inputs: readonly string[], path: string) => {
        const chain = path.split('.').map((_, i, parts) => parts.slice(0, i + 1).join('.'));
        const metadata = new Map([
          [
            'pkg.torch.onnx.name_scopes',
            `['', ${[...chain.filter((one) => one !== 'layers'), 'call'].map((one) => `'${one}'`).join(', ')}]`,
          ],
        ]);
        return b.op(opType, inputs, {}, { metadata });
      };
      const linear = (x: string, path: string) => op('MatMul', [x, b.weight(`${path}.weight`, [8, 8])], path);
      let x = linear(b.input('sample', [1, 4, 8]), 'proj_in');
      for (const at of [0, 1]) {
        const layer = `layers.${at}`;
        const part = (from: number, to: number, of: string) =>
          op(
            'Slice',
            [
              x,
              b.ints(`${of}.${from}.from`, [from]),
              b.ints(`${of}.${from}.to`, [to]),
              b.ints(`${of}.${from}.axes`, [1]),
            ],
            of,
          );
        const side = (name: string, given: string) => {
          const inner = linear(op('Tanh', [given], `${layer}.${name}_norm`), `${layer}.${name}.fc1`);
          return op('Add', [given, linear(op('Relu', [inner], `${layer}.${name}`), `${layer}.${name}.fc2`)], layer);
        };
        const sides = [
          side('text', part(0, 1, takenIn(layer, 'text'))),
          side('film', part(1, 4, takenIn(layer, 'film'))),
        ];
        x = b.op('Concat', sides, { axis: 1 }, { metadata: new Map([['pkg.torch.onnx.name_scopes', "['', 'cat']"]]) });
      }
      b.output(linear(x, 'proj_out'), null);
    });

  const parts = (layer: string) => [`${layer}.film`, `${layer}.text`];

  it('can go as a whole', () => {
    const late = model((layer, name) => `${layer}.${name}_norm`);
    expect(offered(late)).toEqual(['layers.0', 'layers.1'].flatMap((layer) => [layer, ...parts(layer)]));
  });

  it('stays where it takes the parts itself, and gives less than it was given', () => {
    const own = model((layer) => layer);
    expect(offered(own)).toEqual(['layers.0', 'layers.1'].flatMap(parts));
  });
});

describe('a U-Net', () => {
  it('offers what a condition runs through before it meets the latent', () => {
    const model = buildModel((b) => {
      let count = 0;
      const op = (opType: string, inputs: readonly string[], module: string) =>
        b.op(opType, inputs, {}, { name: `/${module}/${opType}_${count++}` });
      const linear = (x: string, module: string, from = 8) =>
        op('MatMul', [x, b.weight(`${module.replaceAll('/', '.')}.weight`, [from, 8])], module);
      const block = (x: string, module: string) =>
        op('Add', [x, linear(op('Relu', [linear(x, `${module}/fc1`)], module), `${module}/fc2`)], module);
      const [sample, text] = [b.input('sample', [1, 4, 8]), b.input('encoder_hidden_states', [1, 4, 8])];
      const condition = block(text, 'text_encoder');
      const first = linear(op('Add', [sample, condition], 'conv_in'), 'conv_in');
      const second = block(first, 'down.0');
      const third = block(linear(second, 'down.sampler'), 'down.1');
      const joined = (x: string, skip: string, module: string) =>
        linear(b.op('Concat', [x, skip], { axis: 2 }, { name: `/${module}/Concat` }), `${module}/proj`, 16);
      let x = block(third, 'mid');
      for (const [at, skip] of [third, second, first].entries()) x = block(joined(x, skip, `up.${at}`), `up.${at}`);
      b.output(linear(x, 'conv_out'), null);
    });
    const tree = discoverBlocks(model, { bindings: new Map() });
    expect(tree.blocks.some(({ kind }) => kind === 'stage')).toBe(true);
    expect(offered(model)).toContain('text_encoder');
  });
});
