/**
 * One graph in which each module's weights can be set to zero from outside: they are multiplied by a scalar input of the
 * module's own. It knows modules by the names that the exporter wrote and nothing of blocks' entries and exits, so that it
 * can tell a block whose id names another module than the one that its cut removes.
 */
import { isInside, moduleScope } from '../blocks/scopes';
import { dataTypeNumber, elementCount } from '../onnx/dataTypes';
import { freshNames } from '../onnx/freshNames';
import { inlineFunctions } from '../onnx/inlineFunctions';
import type { DataType, Model, Node, Tensor, ValueInfo } from '../onnx/model';

export interface NeutralisedModel {
  readonly model: Model;
  /** Module -> float32 scalar input: 1 leaves its weights, 0 takes them. Modules without weights of their own have none. */
  readonly inputs: ReadonlyMap<string, string>;
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
  Transpose: [0],
};

const FLOATS = new Set(['float32', 'float16', 'float64', 'bfloat16']);

/** `modules`: paths as exporters write them. A weight belongs to the innermost of them that uses it. */
export function neutraliseModules(model: Model, modules: readonly string[]): NeutralisedModel {
  const flat = inlineFunctions(model);
  const { graph } = flat;
  const fresh = freshNames(graph);
  const inputs = new Map<string, string>();
  const added: Node[] = [];
  const scaled = new Map<string, string>();
  const innermost = innermostOf(modules);

  const op = (
    opType: string,
    operands: readonly string[],
    output: string,
    attributes: Node['attributes'] = new Map(),
  ) => {
    added.push({ name: output, domain: '', opType, inputs: operands, outputs: [output], attributes });
    return output;
  };
  const factor = (module: string, dataType: DataType): string => {
    const known = inputs.get(module) ?? fresh(`neutral:${module}`);
    inputs.set(module, known);
    if (dataType === 'float32') return known;
    const key = `${module} ${dataType}`;
    const cast = scaled.get(key) ?? op('Cast', [known], fresh(`${known}:${dataType}`), castTo(dataType));
    scaled.set(key, cast);
    return cast;
  };
  const scaledWeight = (module: string, weight: Tensor): string => {
    const key = `${module} ${weight.name}`;
    const name =
      scaled.get(key) ?? op('Mul', [weight.name, factor(module, weight.dataType)], fresh(`${weight.name}:${module}`));
    scaled.set(key, name);
    return name;
  };

  const nodes = graph.nodes.map((node): Node => {
    const positions = WEIGHT_INPUTS[node.opType];
    if (!positions) return node;
    const operands = node.inputs.map((name, position) => {
      const weight = positions.includes(position) ? graph.initializers.get(name) : undefined;
      if (!weight || !FLOATS.has(weight.dataType) || elementCount(weight.dims) < 2) return name;
      const module = innermost(moduleScope(node) || weight.name);
      return module === undefined ? name : scaledWeight(module, weight);
    });
    return { ...node, inputs: operands };
  });
  const scalars = [...inputs.values()].map((name): ValueInfo => ({ name, type: { dataType: 'float32', shape: [] } }));
  return {
    model: { ...flat, graph: { ...graph, nodes: [...added, ...nodes], inputs: [...graph.inputs, ...scalars] } },
    inputs,
  };
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

const castTo = (dataType: DataType): Node['attributes'] =>
  new Map([['to', { kind: 'int', value: BigInt(dataTypeNumber(dataType)) }]]);
