/**
 * Writes nodes one after another and knows the type and the fixed shape of every value it has written or was told of.
 * Its methods are the whole list of operators that gradients are made of: each is right on WebAssembly, WebGPU and
 * native onnxruntime (see docs/gradients.md). It orders nothing and removes nothing; equal nodes are written once.
 */
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import { dataTypeNumber, elementCount } from '../../onnx/dataTypes';
import type { Attribute, DataType, Node, Tensor } from '../../onnx/model';
import { broadcastShapes } from '../../onnx/shapes/broadcast';
import { matMulShape } from '../../onnx/shapes/linear';

/** A value's type with every size known. */
export interface StaticType {
  readonly dataType: DataType;
  readonly shape: readonly number[];
}

export type AttributeInput = number | readonly number[] | string | Attribute;

export interface EmitOptions {
  readonly attributes?: Readonly<Record<string, AttributeInput>>;
  readonly domain?: string;
  /** Name of the first output; made up where it is absent. */
  readonly as?: string | undefined;
}

/** For the float 1.0, which would otherwise be taken for an integer. */
export const float = (value: number): Attribute => ({ kind: 'float', value });

const identityOrder = (perm: readonly number[]): boolean => perm.every((axis, i) => axis === i);
export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, i) => dim === b[i]);

export class GraphWriter {
  readonly nodes: Node[] = [];
  readonly initializers = new Map<string, Tensor>();
  private readonly written = new Map<string, string>();
  private readonly views = new Map<string, string>();
  private readonly units = new Set<string>();
  private readonly elements = new Map<string, readonly number[]>();
  private count = 0;

  /** `taken`: names that must not be made up. `types` grows with what is written. `floatType`: that of constants. */
  constructor(
    readonly opset: number,
    readonly types: Map<string, StaticType>,
    private readonly taken: ReadonlySet<string>,
    private readonly prefix: string,
    readonly floatType: DataType = 'float32',
  ) {}

  /** Throws `passes/unbound-size` where a value's sizes are not known. */
  type(name: string): StaticType {
    const type = this.types.get(name);
    if (type) return type;
    throw new StudioError('passes/unbound-size', `The sizes of the value '${name}' are not known.`, { value: name });
  }
  shape = (name: string): readonly number[] => this.type(name).shape;
  rank = (name: string): number => this.shape(name).length;
  isFloat = (name: string): boolean => /^b?float/.test(this.types.get(name)?.dataType ?? '');

  fresh(hint: string): string {
    let name: string;
    do name = `${this.prefix}${hint}_${this.count++}`;
    while (this.taken.has(name));
    return name;
  }

  /** Writes any node; equal ones (without a name asked for) once. Returns all outputs. */
  emit(
    opType: string,
    inputs: readonly string[],
    outputs: readonly StaticType[],
    { attributes = {}, domain = '', as }: EmitOptions = {},
  ): readonly string[] {
    const key = JSON.stringify([opType, domain, inputs, attributes, outputs.length], (_, value) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
    const known = this.written.get(key);
    if (known !== undefined && as === undefined) return outputs.map((_, i) => (i === 0 ? known : `${known}:${i}`));
    const first = as ?? this.fresh(opType);
    const names = outputs.map((_, i) => (i === 0 ? first : `${first}:${i}`));
    names.forEach((name, i) => this.types.set(name, present(outputs[i])));
    this.nodes.push({
      name: `${this.prefix}${opType}:${first}`,
      domain,
      opType,
      inputs,
      outputs: names,
      attributes: new Map(Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)])),
    });
    if (known === undefined) this.written.set(key, first);
    return names;
  }

  /** One output of the given shape, of the first input's element type. */
  private one(opType: string, inputs: readonly string[], shape: readonly number[], options: EmitOptions = {}): string {
    return present(
      this.emit(opType, inputs, [{ dataType: this.type(present(inputs[0])).dataType, shape }], options)[0],
    );
  }

  // ---- constants

  private constant(
    values: readonly number[],
    dataType: DataType,
    dims: readonly number[],
    bytes: () => Uint8Array,
  ): string {
    const key = values.length <= 16 ? values.join(',') : hashOf(values);
    const name = `${this.prefix}constant:${dataType}:[${dims.join(',')}]:${key}`;
    if (!this.initializers.has(name)) {
      this.initializers.set(name, { name, dataType, dims, data: { kind: 'inline', bytes: bytes() } });
      this.types.set(name, { dataType, shape: dims });
      this.elements.set(name, values);
    }
    return name;
  }
  scalar = (value: number): string => this.floats([value], []);
  floats(values: readonly number[], dims: readonly number[] = [values.length]): string {
    const List = this.floatType === 'float64' ? Float64Array : Float32Array;
    return this.constant(values, this.floatType, dims, () => new Uint8Array(List.from(values).buffer));
  }
  ints = (values: readonly number[]): string =>
    this.constant(values, 'int64', [values.length], () => new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
  /** The elements of a constant written here. */
  numbers = (name: string): readonly number[] | undefined => this.elements.get(name);
  /** A vector of ones that rules know as such. */
  ones(length: number): string {
    const name = this.floats(new Array<number>(length).fill(1));
    this.units.add(name);
    return name;
  }
  isOnes = (name: string): boolean => this.units.has(name);
  /** Zeros (or another number) of a shape, not stored as such. */
  filled(shape: readonly number[], value = 0): string {
    return shape.length === 0 ? this.scalar(value) : this.expand(this.scalar(value), shape);
  }

  // ---- element by element

  unary = (opType: string, x: string, options: EmitOptions = {}): string =>
    this.one(opType, [x], this.shape(x), options);
  binary(opType: string, a: string, b: string, options: EmitOptions = {}): string {
    return this.one(opType, [a, b], broadcastShapes([this.shape(a), this.shape(b)]) as number[], options);
  }
  add = (a: string, b: string, as?: string): string => this.binary('Add', a, b, { as });
  sub = (a: string, b: string, as?: string): string => this.binary('Sub', a, b, { as });
  mul = (a: string, b: string, as?: string): string => this.binary('Mul', a, b, { as });
  div = (a: string, b: string, as?: string): string => this.binary('Div', a, b, { as });
  neg = (x: string): string => this.unary('Neg', x);
  times = (x: string, factor: number, as?: string): string =>
    factor === 1 && as === undefined ? x : this.mul(x, this.scalar(factor), as);
  plus = (x: string, term: number): string => (term === 0 ? x : this.add(x, this.scalar(term)));
  /** A bool of the broadcast shape. */
  compare(opType: 'Greater' | 'Less' | 'Equal', a: string, b: string): string {
    const shape = broadcastShapes([this.shape(a), this.shape(b)]) as number[];
    return present(this.emit(opType, [a, b], [{ dataType: 'bool', shape }])[0]);
  }
  where(condition: string, a: string, b: string): string {
    const shape = broadcastShapes([condition, a, b].map((name) => this.shape(name))) as number[];
    return present(this.emit('Where', [condition, a, b], [{ dataType: this.type(a).dataType, shape }])[0]);
  }
  cast(x: string, to: DataType, as?: string): string {
    if (this.type(x).dataType === to && as === undefined) return x;
    return present(
      this.emit('Cast', [x], [{ dataType: to, shape: this.shape(x) }], {
        attributes: { to: dataTypeNumber(to) },
        as,
      })[0],
    );
  }

  // ---- arrangement

  reshape(x: string, shape: readonly number[], as?: string): string {
    const from = as === undefined ? (this.views.get(x) ?? x) : x;
    if (as === undefined && sameShape(this.shape(from), shape)) return from;
    const name = this.one('Reshape', [from, this.ints(shape)], shape, { as });
    if (as === undefined) this.views.set(name, from);
    return name;
  }
  transpose(x: string, perm: readonly number[], as?: string): string {
    if (as === undefined && identityOrder(perm)) return x;
    const from = this.shape(x);
    const shape = perm.map((axis) => present(from[axis]));
    // only axes of size 1 move: the elements stay where they are
    const moved = perm.filter((axis) => from[axis] !== 1);
    if (as === undefined && moved.every((axis, i) => i === 0 || axis > present(moved[i - 1])))
      return this.reshape(x, shape);
    return this.one('Transpose', [x], shape, { attributes: { perm }, as });
  }
  swapLast(x: string): string {
    const rank = this.rank(x);
    return this.transpose(x, [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2]);
  }
  /** `end` is exclusive. */
  slice(x: string, axis: number, start: number, end: number, step = 1): string {
    const from = this.shape(x);
    if (start === 0 && end === from[axis] && step === 1) return x;
    const shape = from.with(axis, Math.max(0, Math.ceil((end - start) / step)));
    return this.one('Slice', [x, this.ints([start]), this.ints([end]), this.ints([axis]), this.ints([step])], shape);
  }
  concat(parts: readonly string[], axis: number, as?: string): string {
    if (parts.length === 1 && as === undefined) return present(parts[0]);
    const length = parts.reduce((sum, part) => sum + present(this.shape(part)[axis]), 0);
    return this.one('Concat', parts, this.shape(present(parts[0])).with(axis, length), { attributes: { axis }, as });
  }
  /** Zeros around; negative sizes are not allowed. */
  pad(x: string, before: readonly number[], after: readonly number[]): string {
    if ([...before, ...after].every((size) => size === 0)) return x;
    const shape = this.shape(x).map((dim, i) => dim + present(before[i]) + present(after[i]));
    return this.one('Pad', [x, this.ints([...before, ...after])], shape);
  }
  expand(x: string, shape: readonly number[]): string {
    const to = broadcastShapes([this.shape(x), shape]) as number[];
    return sameShape(this.shape(x), to) ? x : this.one('Expand', [x, this.ints(shape)], to);
  }
  gather(x: string, indices: string, axis: number): string {
    const from = this.shape(x);
    return this.one('Gather', [x, indices], [...from.slice(0, axis), ...this.shape(indices), ...from.slice(axis + 1)], {
      attributes: { axis },
    });
  }

  // ---- sums and products

  reduceSum(x: string, axes: readonly number[], keep = true): string {
    if (axes.length === 0) return x;
    const shape = this.shape(x).flatMap((dim, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [dim]));
    if (axes.every((axis) => this.shape(x)[axis] === 1)) return this.reshape(x, shape);
    return this.one('ReduceSum', [x, this.ints(axes)], shape, { attributes: { keepdims: keep ? 1 : 0 } });
  }
  reduceMean(x: string, axes: readonly number[]): string {
    if (axes.every((axis) => this.shape(x)[axis] === 1)) return x;
    const shape = this.shape(x).map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    return this.opset >= 18
      ? this.one('ReduceMean', [x, this.ints(axes)], shape, { attributes: { keepdims: 1 } })
      : this.one('ReduceMean', [x], shape, { attributes: { keepdims: 1, axes } });
  }
  /** Sums over what broadcasting to the value's shape had repeated. */
  reduceTo(x: string, shape: readonly number[]): string {
    const from = this.shape(x);
    if (sameShape(from, shape)) return x;
    const lead = from.length - shape.length;
    const axes = from.flatMap((dim, i) => (i < lead || (shape[i - lead] === 1 && dim !== 1) ? [i] : []));
    // without the axes that go, where the others are the shape already: no view behind it
    return this.reshape(this.reduceSum(x, axes, shape.includes(1)), shape);
  }
  sumAll = (x: string): string =>
    this.rank(x) === 0 ? x : this.reduceSum(this.reshape(x, [elementCount(this.shape(x))]), [0], false);
  matMul(a: string, b: string, as?: string): string {
    return this.one('MatMul', [a, b], matMulShape(this.shape(a), this.shape(b)) as number[], { as });
  }
  /** Of matrices; `transA`, `transB`: taken transposed. */
  gemm(a: string, b: string, transA: boolean, transB: boolean, alpha = 1): string {
    const shape = [present(this.shape(a)[transA ? 1 : 0]), present(this.shape(b)[transB ? 0 : 1])];
    return this.one('Gemm', [a, b], shape, {
      attributes: { transA: transA ? 1 : 0, transB: transB ? 1 : 0, ...(alpha === 1 ? {} : { alpha: float(alpha) }) },
    });
  }
}

function attributeOf(given: AttributeInput): Attribute {
  if (typeof given === 'number') return Number.isInteger(given) ? { kind: 'int', value: BigInt(given) } : float(given);
  if (typeof given === 'string') return { kind: 'string', value: new TextEncoder().encode(given) };
  if (Array.isArray(given)) return { kind: 'ints', value: given.map(BigInt) };
  return given as Attribute;
}

/** Names longer constants by their contents: two of one length with one name would be one constant. */
function hashOf(values: readonly number[]): string {
  let low = 2166136261;
  let high = 97;
  const words = new Uint32Array(Float64Array.from(values).buffer);
  for (const word of words) {
    low = Math.imul(low ^ word, 16777619) >>> 0;
    high = (Math.imul(high, 31) + word) >>> 0;
  }
  return `${values.length}#${low.toString(16)}${high.toString(16)}`;
}
