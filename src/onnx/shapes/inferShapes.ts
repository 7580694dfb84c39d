/**
 * Concrete shapes and types of every value that can be known: operator by operator in execution order, small
 * integer subgraphs evaluated on the way, the file's own value infos (with bound dimension names) where no rule
 * tells. Unknown stays unknown.
 */
import { topologicalOrder } from '../graph';
import type { DataType, Graph, Model, Node, Tensor, TensorType } from '../model';
import { tensorValues } from '../tensorValues';
import { elementCount } from '../dataTypes';
import { outputTypes } from './dataTypes';
import { evaluateDim } from './dimExpression';
import { foldValues, MAX_FOLDED_VALUES } from './fold';
import type { Operand, Shape } from './rules';
import { ruleFor } from './rules';

/** `bindings`: symbolic dimension name -> size. Unbound names leave the values that depend on them out or partly known. */
export function inferShapes(model: Model, bindings: ReadonlyMap<string, number>): ReadonlyMap<string, TensorType> {
  const known = inferOperands(model, bindings);
  const types = new Map<string, TensorType>();
  for (const [name, { dataType, shape }] of known) if (dataType) types.set(name, { dataType, shape: shape ?? null });
  return types;
}

function inferOperands(model: Model, bindings: ReadonlyMap<string, number>): Map<string, Operand> {
  const { graph } = model;
  const known = new Map<string, Operand>();
  const opset = model.opsets.get('') ?? 0;
  const declared = declaredOperands(graph, bindings);
  for (const { name } of graph.inputs) known.set(name, declared.get(name) ?? {});
  for (const [name, tensor] of graph.initializers) {
    const values = elementCount(tensor.dims) <= MAX_FOLDED_VALUES && isIndexLike(tensor.dataType, tensor.dims) ? numbersOf(tensor) : undefined;
    known.set(name, { shape: tensor.dims, dataType: tensor.dataType, values });
  }
  for (const node of topologicalOrder(graph)) inferNode(node, opset, known, declared);
  return known;
}

function numbersOf(tensor: Tensor): readonly number[] | undefined {
  const values = tensorValues(tensor);
  return values && Array.from(values as ArrayLike<number | bigint>, Number);
}

/** Only what can matter to shapes is read: integers, and floats short enough to be scales. */
function isIndexLike(dataType: DataType, dims: readonly number[]): boolean {
  return dataType.includes('int') || dataType === 'bool' || elementCount(dims) <= 8;
}

function inferNode(node: Node, opset: number, known: Map<string, Operand>, declared: ReadonlyMap<string, Operand>): void {
  if (node.opType === 'Constant' && node.domain === '') {
    known.set(node.outputs[0]!, constantOperand(node));
    return;
  }
  const inputs = node.inputs.map((name) => (name === '' ? undefined : (known.get(name) ?? {})));
  const rule = ruleFor(node);
  const shapes = rule ? rule({ node, inputs, opset }).map(plausible) : [];
  const types = outputTypes(node, inputs.map((operand) => operand?.dataType));
  const values = foldValues(node, inputs, shapes[0]);
  node.outputs.forEach((name, index) => {
    if (name === '') return;
    const own = declared.get(name);
    known.set(name, { shape: shapes[index] ?? own?.shape, dataType: own?.dataType ?? types[index], values: index === 0 ? values : undefined });
  });
}

/** A shape with an impossible size means that a rule was fed nonsense: rather unknown than wrong. */
function plausible(shape: Shape | undefined): Shape | undefined {
  return shape?.every((dim) => Number.isSafeInteger(dim) && dim >= 0) ? shape : undefined;
}

function constantOperand(node: Node): Operand {
  for (const [name, attribute] of node.attributes) {
    if (name === 'value' && attribute.kind === 'tensor') {
      const { dims, dataType } = attribute.value;
      return { shape: dims, dataType, values: elementCount(dims) <= MAX_FOLDED_VALUES ? numbersOf(attribute.value) : undefined };
    }
    if (attribute.kind === 'int') return { shape: [], dataType: 'int64', values: [Number(attribute.value)] };
    if (attribute.kind === 'float') return { shape: [], dataType: 'float32', values: [attribute.value] };
    if (attribute.kind === 'ints') return { shape: [attribute.value.length], dataType: 'int64', values: attribute.value.map(Number) };
    if (attribute.kind === 'floats') return { shape: [attribute.value.length], dataType: 'float32', values: attribute.value };
  }
  return {};
}

/** What the file says of its inputs, outputs and inner values, dimension names bound. */
function declaredOperands(graph: Graph, bindings: ReadonlyMap<string, number>): ReadonlyMap<string, Operand> {
  const declared = new Map<string, Operand>();
  for (const { name, type } of [...graph.valueInfo.values(), ...graph.inputs, ...graph.outputs]) {
    if (!type) continue;
    const dims = type.shape?.map((dim) => (typeof dim === 'string' ? evaluateDim(dim, bindings) : (dim ?? undefined)));
    const shape = dims && dims.every((dim) => dim !== undefined) ? (dims as number[]) : undefined;
    declared.set(name, { dataType: type.dataType, shape });
  }
  return declared;
}
