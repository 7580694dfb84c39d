/**
 * One graph in which each module's weights can be made neutral from outside, by a scalar input of the module's own: they
 * are multiplied by it; the gates of a learned blend move to its first side, and a convolution that a skip connection runs
 * through to the identity on its first channels. It knows modules by the names that the exporter wrote and nothing of
 * blocks' entries and exits, so that it can tell a block whose id names another module than the one that its cut removes.
 */

import { canHoldWeights } from '../blocks/operators';
import { isInside, moduleScope, weightScope } from '../blocks/scopes';
import { present } from '../errors/present';
import { dataTypeNumber } from '../onnx/dataTypes';
import { type FreshName, freshNames } from '../onnx/freshNames';
import { producers, topologicalOrder } from '../onnx/graph';
import { inlineFunctions } from '../onnx/inlineFunctions';
import type { DataType, Graph, Model, Node, Tensor, TensorType, ValueInfo } from '../onnx/model';
import { type BlendGate, blendGates, independentValues } from './blendGates';

export interface NeutralisedModel {
  readonly model: Model;
  /** Module -> float32 scalar input: 1 leaves its weights, 0 makes them neutral. Modules without weights of their own have none. */
  readonly inputs: ReadonlyMap<string, string>;
  /** Modules with weights that were not got at (packed in few bits, say); '' where some have no module's name at all. */
  readonly untouched: ReadonlySet<string>;
}

/** Inputs that hold what a module adds or multiplies by. Constants of other operators may be divisors: they stay. */
const WEIGHT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [1, 2],
  MatMul: [0, 1],
  Add: [0, 1],
  LayerNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  GroupNormalization: [1, 2],
};

const FLOATS = new Set(['float32', 'float16', 'float64', 'bfloat16']);

/**
 * `modules`: paths as exporters write them. A weight belongs to the innermost of them that uses it. `types`: of the
 * model's values, for weights that are stored otherwise than they are used, and for blends.
 */
export function neutraliseModules(
  model: Model,
  modules: readonly string[],
  types: ReadonlyMap<string, TensorType>,
): NeutralisedModel {
  const flat = inlineFunctions(model);
  return new Neutraliser(flat, innermostOf(modules), types).run();
}

interface Weight {
  readonly name: string;
  readonly dataType: DataType;
  readonly dims: readonly number[];
}

class Neutraliser {
  private readonly fresh: FreshName;
  private readonly inputs = new Map<string, string>();
  private readonly untouched = new Set<string>();
  private readonly added: Node[] = [];
  private readonly made = new Map<string, string>();
  private readonly initializers: Map<string, Tensor>;
  private readonly fixed: ReadonlySet<string>;
  private readonly producers: ReadonlyMap<string, Node>;
  private scopes: ReadonlyMap<string, ReadonlySet<string>> | undefined;

  constructor(
    private readonly flat: Model,
    private readonly innermost: (path: string) => string | undefined,
    private readonly types: ReadonlyMap<string, TensorType>,
  ) {
    this.fresh = freshNames(flat.graph);
    this.initializers = new Map(flat.graph.initializers);
    this.fixed = independentValues(flat.graph);
    this.producers = producers(flat.graph);
  }

  run(): NeutralisedModel {
    const { graph } = this.flat;
    const gates = blendGates(graph, this.fixed, this.types);
    const changed = graph.nodes.map((node) => this.node(node, gates.get(node)));
    const scalars = [...this.inputs.values()].map(
      (name): ValueInfo => ({ name, type: { dataType: 'float32', shape: [] } }),
    );
    const whole: Graph = {
      ...graph,
      initializers: this.initializers,
      nodes: [...this.added, ...changed],
      inputs: [...graph.inputs, ...scalars],
    };
    return {
      model: { ...this.flat, graph: { ...whole, nodes: topologicalOrder(whole) } },
      inputs: this.inputs,
      untouched: this.untouched,
    };
  }

  private node(node: Node, gate: BlendGate | undefined): Node {
    const mixer = gate && this.innermost(moduleScope(node));
    if (gate && mixer !== undefined) {
      const neutral = this.constant(gate.isFirst ? 1 : 0, gate.dataType);
      const moved = this.towards(mixer, present(node.inputs[gate.position]), neutral, gate.dataType);
      return { ...node, inputs: node.inputs.map((name, position) => (position === gate.position ? moved : name)) };
    }
    const positions = WEIGHT_INPUTS[node.opType] ?? [];
    const inputs = node.inputs.map((name, position) =>
      positions.includes(position) ? this.neutral(node, name, position) : name,
    );
    const same = inputs.every((name, position) => name === node.inputs[position]);
    if (same && canHoldWeights(node) && node.inputs.some((name) => this.fixed.has(name))) {
      const scope = this.scopeOf(node);
      const module = scope === '' ? '' : this.innermost(scope);
      if (module !== undefined) this.untouched.add(module);
    }
    return same ? node : { ...node, inputs };
  }

  private neutral(node: Node, name: string, position: number): string {
    const weight = this.weightOf(name);
    const scope = this.scopeOf(node);
    const module = weight && this.innermost(scope);
    if (!weight || module === undefined) return name;
    if (position === 1 && isShortcut(node, scope, weight))
      return this.towards(module, name, this.identityKernel(weight), weight.dataType);
    const key = `${module} ${name}`;
    return this.once(key, () =>
      this.op('Mul', [name, this.factor(module, weight.dataType)], this.fresh(`${name}:${module}`)),
    );
  }

  /**
   * By the node's own scope, else by the names of the weights that it comes from. `conv_1` is a second call of `conv` where
   * it works with the weights of that, and a module of its own where it does not.
   */
  private scopeOf(node: Node): string {
    const stored = node.inputs.map((name) => this.storedName(name)).filter((name) => name !== '');
    const scope = moduleScope(node);
    const first = scope.replace(/_\d+(?=\.|$)/g, '');
    if (first === scope) return scope || this.placeOf(stored);
    return stored.some((name) => this.scopesOf(name).has(first)) ? first : scope;
  }

  /** What names of weights say of a node that has none: exporters and optimisers write `val_12` beside `blocks.0.to_q.bias`. */
  private placeOf(weights: readonly string[]): string {
    return weights.find((name) => this.innermost(name) !== undefined) ?? weightScope(weights);
  }

  /** Scopes of the nodes that read a weight, as it is or seen otherwise. */
  private scopesOf(weight: string): ReadonlySet<string> {
    if (!this.scopes) {
      const scopes = new Map<string, Set<string>>();
      for (const node of this.flat.graph.nodes)
        for (const name of node.inputs.map((input) => this.storedName(input)).filter((found) => found !== '')) {
          const found = scopes.get(name) ?? new Set();
          found.add(moduleScope(node));
          scopes.set(name, found);
        }
      this.scopes = scopes;
    }
    return this.scopes.get(weight) ?? new Set();
  }

  private storedName(name: string, steps = 4): string {
    if (this.initializers.has(name)) return name;
    const node = steps > 0 && this.fixed.has(name) ? this.producers.get(name) : undefined;
    return node ? this.storedName(node.inputs[0] ?? '', steps - 1) : '';
  }

  /** A number is no weight but a scale. */
  private weightOf(name: string): Weight | undefined {
    const stored = this.initializers.get(name);
    const computed = this.fixed.has(name) ? this.types.get(name) : undefined;
    const dataType = stored?.dataType ?? computed?.dataType;
    const dims = stored?.dims ?? computed?.shape;
    if (!dataType || !FLOATS.has(dataType) || !dims?.every((dim): dim is number => typeof dim === 'number'))
      return undefined;
    return dims.reduce((product, dim) => product * dim, 1) < 2 ? undefined : { name, dataType, dims };
  }

  private op(
    opType: string,
    inputs: readonly string[],
    output: string,
    attributes: Node['attributes'] = new Map(),
  ): string {
    this.added.push({ name: output, domain: '', opType, inputs, outputs: [output], attributes });
    return output;
  }

  private once(key: string, make: () => string): string {
    const name = this.made.get(key) ?? make();
    this.made.set(key, name);
    return name;
  }

  private factor(module: string, dataType: DataType): string {
    const known = this.inputs.get(module) ?? this.fresh(`neutral:${module}`);
    this.inputs.set(module, known);
    return this.cast(known, dataType, `${module} ${dataType}`);
  }

  private cast(name: string, dataType: DataType, key: string): string {
    if (dataType === 'float32') return name;
    const to: Node['attributes'] = new Map([['to', { kind: 'int', value: BigInt(dataTypeNumber(dataType)) }]]);
    return this.once(`cast ${key}`, () => this.op('Cast', [name], this.fresh(`${name}:${dataType}`), to));
  }

  /** `y + factor (x - y)`: `x` as it is at 1, `y` at 0. */
  private towards(module: string, x: string, y: string, dataType: DataType): string {
    return this.once(`${module} ${x} ${y}`, () => {
      const own = this.fresh(`${x}:${module}`);
      const by = this.op('Sub', [x, y], this.fresh(`${own}:by`));
      const part = this.op('Mul', [by, this.factor(module, dataType)], this.fresh(`${own}:part`));
      return this.op('Add', [part, y], own);
    });
  }

  private constant(value: number, dataType: DataType): string {
    return this.cast(this.stored(`neutral:${value}`, [], Float32Array.of(value)), dataType, `${value} ${dataType}`);
  }

  /** Ones on the diagonal of the two axes of channels. */
  private identityKernel({ name, dims, dataType }: Weight): string {
    const [out, into] = dims as readonly [number, number];
    const values = new Float32Array(out * into);
    for (let channel = 0; channel < out; channel++) values[channel * into + channel] = 1;
    return this.cast(this.stored(`neutral:identity:${name}`, dims, values), dataType, `identity ${name}`);
  }

  private stored(wanted: string, dims: readonly number[], values: Float32Array<ArrayBuffer>): string {
    return this.once(wanted, () => {
      const name = this.fresh(wanted);
      const bytes = new Uint8Array(values.buffer);
      this.initializers.set(name, { name, dataType: 'float32', dims, data: { kind: 'inline', bytes } });
      return name;
    });
  }
}

/** A pointwise convolution on the way of a skip connection: `conv_shortcut`, `skip_connection`, `nin_shortcut`. */
function isShortcut(node: Node, scope: string, { dims }: Weight): boolean {
  const isPointwise = node.opType === 'Conv' && dims.length >= 4 && dims.slice(2).every((size) => size === 1);
  return (
    isPointwise && present(dims[0]) <= present(dims[1]) && /(^|[._])(shortcut|skip_connection)(\.weight)?$/.test(scope)
  );
}

/** The longest of the modules that a path lies in. */
function innermostOf(modules: readonly string[]): (path: string) => string | undefined {
  const longestFirst = modules.toSorted((a, b) => b.length - a.length);
  const known = new Map<string, string | undefined>();
  return (path) => {
    if (!known.has(path))
      known.set(
        path,
        longestFirst.find((module) => isInside(path, module)),
      );
    return known.get(path);
  };
}
