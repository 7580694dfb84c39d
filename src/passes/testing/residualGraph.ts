/**
 * Random residual networks for property tests: blocks of every kind that discovery tells apart, one after the other,
 * each a module of its own (`/blocks.3/...`). A graph knows what dropping each of its blocks has to do.
 */
import fc from 'fast-check';
import type { Rewire } from '../../blocks/block';
import type { Model, Tensor } from '../../onnx/model';
import type { GraphBuilder } from '../../onnx/testing/buildModel';
import { buildModel, floatTensor } from '../../onnx/testing/buildModel';

/** Hidden states are [1, tokens, width]; text is [1, textTokens, width]. */
export const [tokens, textTokens, width] = [4, 2, 8];

export type Item =
  | 'residual' // x + f(x)
  | 'conditioned' // x + c f(x), c made once, in the first block that needs it
  | 'deep' // x + g(x) with a residual branch inside g
  | 'twice' // two residual branches one after the other, in one module
  | 'embedded' // y + f(y) with y = x plus a fixed position embedding, inside the module
  | 'shared' // x + f(x) in one module that the network calls wherever this stands
  | 'viewed' // the branch and the addition work on x in another shape
  | 'halved' // x + f(x) / 2
  | 'blended' // a x + (1 - a) f(x)
  | 'moved' // a blend in another shape, the change of shape moved behind the gate: t(a x) + (1 - a) f(t(x))
  | 'joint' // [x, text] + f([x, text]), parted again
  | 'masked' // x + softmax(q k + mask) v
  | 'shifted' // x plus a fixed position embedding: nothing to drop
  | 'plain' // f(x): no way around it
  | 'doubled' // W x + f(x): weights on both sides
  | 'joined'; // W [x, skip] + f([x, skip]): x can stand in for it

export interface ExpectedBlock {
  readonly id: string;
  readonly item: Item;
  readonly rewires: readonly Rewire[];
  /** Weights that make the branch's result zero when they are; for a blend those of its gates. */
  readonly lastWeights: readonly string[];
}

export interface ResidualGraph {
  readonly model: Model;
  /** The droppable ones. */
  readonly blocks: readonly ExpectedBlock[];
  /** Modules that nothing passes by. */
  readonly fixed: readonly string[];
}

const items: readonly Item[] = [
  'residual',
  'conditioned',
  'deep',
  'twice',
  'embedded',
  'shared',
  'viewed',
  'halved',
  'blended',
  'moved',
  'joint',
  'masked',
  'shifted',
  'plain',
  'doubled',
  'joined',
];

const SHARED = 'shared.0';

/** What to build, in a form that a failing test can print. */
export interface Recipe {
  readonly chosen: readonly Item[];
  readonly projected: boolean;
}

export const recipes: fc.Arbitrary<Recipe> = fc
  .record({ chosen: fc.array(fc.constantFrom(...items), { minLength: 2, maxLength: 7 }), projected: fc.boolean() })
  .filter(({ chosen }) => chosen[0] !== 'joined'); // nothing earlier to join

/** `projected`: a last matrix follows; else the last block's result is the output itself. */
export function residualGraph({ chosen, projected }: Recipe): ResidualGraph {
  const blocks: ExpectedBlock[] = [];
  const fixed: string[] = [];
  const model = buildModel((b) => {
    const network = new Network(b);
    chosen.forEach((item, at) => {
      const id = item === 'shared' ? SHARED : `blocks.${at}`;
      const made = network.add(item, id);
      if (!made) return void fixed.push(id);
      const called = blocks.findIndex((block) => block.id === id);
      if (called < 0) blocks.push({ id, item, ...made });
      else blocks[called] = { ...blocks[called]!, rewires: [...blocks[called]!.rewires, ...made.rewires] };
    });
    network.finish(projected);
  });
  return { model, blocks, fixed };
}

type Made = Pick<ExpectedBlock, 'rewires' | 'lastWeights'> | undefined;

class Network {
  private x: string;
  private text: string;
  private condition: string | undefined;
  private readonly earlier: string[] = [];
  private module = '';
  /** As the legacy exporter writes the module: its second call has a name of its own. */
  private scope = '';
  private calls = 0;
  private count = 0;

  constructor(private readonly b: GraphBuilder) {
    const sample = b.input('sample', [1, tokens, width]);
    this.text = b.input('encoder_hidden_states', [1, textTokens, width]);
    b.input('timestep', [1, width]);
    this.enter('proj_in');
    this.x = this.linear(sample, 'proj');
  }

  add(item: Item, module: string): Made {
    this.enter(module);
    this.earlier.push(this.x);
    return this[item]();
  }

  /** Text is read to the end, so that both streams stay alive. */
  finish(projected: boolean): void {
    this.enter('proj_out');
    const text = this.op('ReduceMean', [this.text], { keepdims: 1, axes: [1] });
    if (projected) this.x = this.linear(this.op('Mul', [this.x, text]), 'proj');
    this.b.output(this.x, [1, tokens, width]);
    if (!projected) this.b.output(text, [1, 1, width]);
  }

  private enter(module: string): void {
    this.module = module;
    this.scope = module === SHARED && this.calls++ > 0 ? `${SHARED}_${this.calls - 1}` : module;
  }

  private op(opType: string, inputs: readonly string[], attributes = {}): string {
    return this.b.op(opType, inputs, attributes, { name: `/${this.scope}/${opType}_${this.count++}` });
  }

  private linear(x: string, layer: string, from = width): string {
    const product = this.op('MatMul', [x, this.b.weight(`${this.module}.${layer}.weight`, [from, width])]);
    return this.op('Add', [this.b.weight(`${this.module}.${layer}.bias`, [width]), product]);
  }

  private names = (layer: string): readonly string[] => [
    `${this.module}.${layer}.weight`,
    `${this.module}.${layer}.bias`,
  ];

  private branch(x: string, name = '', from = width): string {
    return this.linear(this.op('Tanh', [this.linear(x, `${name}in`, from)]), `${name}out`);
  }

  private identity(branch: (x: string) => string, last = 'out'): Made {
    const entry = this.x;
    this.x = this.op('Add', [branch(entry), entry]);
    return { rewires: [{ exit: this.x, entry }], lastWeights: this.names(last) };
  }

  private residual = (): Made => this.identity((x) => this.branch(x));

  private shared = (): Made => this.residual();

  private embedded(): Made {
    const entry = this.x;
    const positions = `${this.module}.positions`;
    this.x = this.op('Add', [entry, this.b.weight(positions, [1, tokens, width])]);
    const { lastWeights } = this.residual()!;
    return { rewires: [{ exit: this.x, entry }], lastWeights: [...lastWeights, positions] };
  }

  private conditioned(): Made {
    this.condition ??= this.op('Sigmoid', ['timestep']);
    return this.identity((x) => this.op('Mul', [this.branch(x), this.condition!]));
  }

  private deep(): Made {
    return this.identity((x) => {
      const inner = this.linear(x, 'enter');
      return this.linear(this.op('Add', [inner, this.branch(inner)]), 'leave');
    }, 'leave');
  }

  private twice(): Made {
    const entry = this.x;
    this.x = this.op('Add', [entry, this.branch(entry, 'attn.')]);
    const middle = this.x;
    this.x = this.op('Add', [middle, this.branch(middle, 'ff.')]);
    return {
      rewires: [
        { exit: middle, entry },
        { exit: this.x, entry: middle },
      ],
      lastWeights: [...this.names('attn.out'), ...this.names('ff.out')],
    };
  }

  private viewed(): Made {
    const flat = this.op('Reshape', [this.x, this.b.ints(`${this.module}.flat`, [tokens, width])]);
    const sum = this.op('Add', [flat, this.branch(flat)]);
    this.x = this.op('Reshape', [sum, this.b.ints(`${this.module}.back`, [1, tokens, width])]);
    return { rewires: [{ exit: sum, entry: flat }], lastWeights: this.names('out') };
  }

  private halved(): Made {
    const half = this.b.weight(`${this.module}.half`, [], [0.5]);
    return this.identity((x) => this.op('Mul', [this.branch(x), half]));
  }

  private gates(): { gate: string; rest: string } {
    const gate = this.b.weight(`${this.module}.gate`, [1], [0.3]);
    return { gate, rest: this.op('Sub', [this.b.weight(`${this.module}.one`, [1], [1]), gate]) };
  }

  private moved(): Made {
    const { gate, rest } = this.gates();
    const swap = (value: string) => this.op('Transpose', [value], { perm: [1, 0, 2] });
    const entry = swap(this.x);
    const sum = this.op('Add', [swap(this.op('Mul', [gate, this.x])), this.op('Mul', [rest, this.branch(entry)])]);
    this.x = swap(sum);
    return { rewires: [{ exit: sum, entry }], lastWeights: [] };
  }

  private blended(): Made {
    const { gate, rest } = this.gates();
    const entry = this.x;
    this.x = this.op('Add', [this.op('Mul', [gate, entry]), this.op('Mul', [rest, this.branch(entry)])]);
    return { rewires: [{ exit: this.x, entry }], lastWeights: [] };
  }

  private joint(): Made {
    const joined = this.op('Concat', [this.x, this.text], { axis: 1 });
    const mix = this.b.weight(`${this.module}.mix`, [1, tokens + textTokens, tokens + textTokens]);
    const sum = this.op('Add', [joined, this.branch(this.op('MatMul', [mix, joined]))]);
    const slice = (from: number, to: number) =>
      this.op('Slice', [
        sum,
        ...[[from], [to], [1]].map((values, i) => this.b.ints(`${this.module}.slice.${from}.${i}`, values)),
      ]);
    [this.x, this.text] = [slice(0, tokens), slice(tokens, tokens + textTokens)];
    return { rewires: [{ exit: sum, entry: joined }], lastWeights: this.names('out') };
  }

  private masked(): Made {
    const mask = this.op('ReduceMean', [this.text], { keepdims: 1, axes: [1, 2] });
    return this.identity((x) => {
      const scores = this.op('MatMul', [
        this.linear(x, 'q'),
        this.op('Transpose', [this.linear(x, 'k')], { perm: [0, 2, 1] }),
      ]);
      const spread = this.op('Expand', [mask, this.b.ints(`${this.module}.scores`, [1, tokens, tokens])]);
      const weights = this.op('Softmax', [this.op('Add', [scores, spread])], { axis: -1 });
      return this.linear(this.op('MatMul', [weights, this.linear(x, 'v')]), 'out');
    });
  }

  private shifted(): Made {
    this.x = this.op('Add', [this.x, this.b.weight(`${this.module}.positions`, [1, tokens, width])]);
    return undefined;
  }

  private plain(): Made {
    this.x = this.branch(this.x);
    return undefined;
  }

  private doubled(): Made {
    this.x = this.op('Add', [this.linear(this.x, 'short'), this.branch(this.x)]);
    return undefined;
  }

  private joined(): Made {
    const entry = this.x;
    const joined = this.op('Concat', [entry, this.earlier[Math.floor((this.earlier.length - 1) / 2)]!], { axis: 2 });
    this.x = this.op('Add', [this.linear(joined, 'short', 2 * width), this.branch(joined, '', 2 * width)]);
    return { rewires: [{ exit: this.x, entry }], lastWeights: [] };
  }
}

/** The model with the named float weights replaced. */
export function withWeights(model: Model, names: readonly string[], value: (tensor: Tensor) => number): Model {
  const initializers = new Map(model.graph.initializers);
  for (const name of names) {
    const tensor = initializers.get(name)!;
    const count = tensor.dims.reduce((product, dim) => product * dim, 1);
    initializers.set(name, floatTensor(name, tensor.dims, new Float32Array(count).fill(value(tensor))));
  }
  return { ...model, graph: { ...model.graph, initializers } };
}
