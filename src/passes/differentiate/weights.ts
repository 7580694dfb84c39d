/**
 * Which initializers of a model are weights that were trained, not tables or constants that exporters wrote. PyTorch's
 * names tell where they are kept; where exporters made up names, what a value is used for tells.
 */
import { StudioError } from '../../errors/StudioError';
import { elementCount } from '../../onnx/dataTypes';
import type { Graph, Model, Node, Tensor } from '../../onnx/model';
import { tensorValues } from '../../onnx/tensorValues';

const floating = new Set(['float32', 'float16', 'bfloat16', 'float64']);

/** Operators whose matrix operand is a weight whatever its name. */
const products = new Set(['MatMul', 'Gemm', 'Conv', 'ConvTranspose', 'Einsum', 'FusedMatMul', 'Attention']);
/** Scale and bias are their second and third inputs. */
const norms = new Set([
  'LayerNormalization',
  'InstanceNormalization',
  'GroupNormalization',
  'RMSNormalization',
  'SimplifiedLayerNormalization',
]);
const sums = new Set(['Add', 'Mul']);

const moduleName = /\.|(weight|bias|table|scale|gamma|beta|tokens?|factor|query)$/;
/** Buffers that are not parameters. */
const bufferName = /(inv_freq|freqs|pos_embedding|position_ids|running_mean|running_var|\bpe)$/;

/** In the order of the file. */
export function weightsOf({ graph }: Model): readonly Tensor[] {
  const users = usersOf(graph);
  const computed = dependentValues(graph);
  return [...graph.initializers.values()].filter((tensor) => {
    const { name, dataType, dims } = tensor;
    if (!floating.has(dataType) || bufferName.test(name) || isScale(users.get(name))) return false;
    if (moduleName.test(name) && !name.includes('::')) return dims.length > 0;
    return users.get(name)?.some((user) => isWeightOf(user, tensor, computed)) === true;
  });
}

interface User {
  readonly node: Node;
  readonly input: number;
}

function usersOf(graph: Graph): ReadonlyMap<string, readonly User[]> {
  const users = new Map<string, User[]>();
  for (const node of graph.nodes)
    node.inputs.forEach((name, input) => {
      if (!graph.initializers.has(name)) return;
      const list = users.get(name);
      if (list) list.push({ node, input });
      else users.set(name, [{ node, input }]);
    });
  return users;
}

/** Of a quantised weight: it stays as it is, with the integers that it belongs to. */
const isScale = (users: readonly User[] | undefined): boolean =>
  users?.some(({ node, input }) => node.opType === 'DequantizeLinear' && input > 0) === true;

/** Values that were multiplied by some matrix on their way: not the timestep and tables made of it. */
function dependentValues(graph: Graph): ReadonlySet<string> {
  const computed = new Set<string>();
  for (const node of graph.nodes) {
    const depends =
      (products.has(node.opType) && node.inputs.some((name) => graph.initializers.has(name))) ||
      node.inputs.some((name) => computed.has(name));
    if (depends) for (const name of node.outputs) computed.add(name);
  }
  return computed;
}

function isWeightOf({ node, input }: User, tensor: Tensor, computed: ReadonlySet<string>): boolean {
  const { dims } = tensor;
  if (products.has(node.opType)) return dims.length >= 2 || input === 2;
  if (norms.has(node.opType)) return (input === 1 || input === 2) && !isUniform(tensor);
  const vector = dims.filter((dim) => dim > 1).length === 1;
  return sums.has(node.opType) && vector && !isUniform(tensor) && node.inputs.some((name) => computed.has(name));
}

/** One value everywhere: an exporter's ones and zeros. */
function isUniform(tensor: Tensor): boolean {
  const values = elementCount(tensor.dims) <= 2 ** 16 ? tensorValues(tensor) : undefined;
  return values !== undefined && (values as Float32Array).every((value) => value === values[0]);
}

/**
 * Those of `weightsOf`; with a pattern or a test, every floating-point initializer that it takes, tables too. Throws
 * `passes/nothing-to-train` where that leaves none.
 */
export function chosenWeights(model: Model, choice?: RegExp | ((weight: Tensor) => boolean)): readonly Tensor[] {
  if (choice === undefined) return some(weightsOf(model), 'The graph has no weights.');
  const all = [...model.graph.initializers.values()].filter(({ dataType }) => floating.has(dataType));
  if (typeof choice === 'function') return some(all.filter(choice), 'No weight was chosen.');
  return some(
    all.filter(({ name }) => choice.test(name)),
    `No weight's name matches ${choice.source}.`,
  );
}

function some(weights: readonly Tensor[], otherwise: string): readonly Tensor[] {
  if (weights.length > 0) return weights;
  throw new StudioError('passes/nothing-to-train', otherwise);
}
