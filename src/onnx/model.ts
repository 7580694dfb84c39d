/**
 * The intermediate representation of an ONNX model: plain readonly data, keyed by value name, that survives
 * `structuredClone`. It knows nothing of protobuf (see `wire`), and holds nothing derived: who uses a value,
 * topological order and shapes are computed by functions.
 */

/** TensorProto.DataType numbers, named as in numpy. */
export type DataType =
  | 'float32'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'string'
  | 'bool'
  | 'float16'
  | 'float64'
  | 'uint32'
  | 'uint64'
  | 'complex64'
  | 'complex128'
  | 'bfloat16'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'uint4'
  | 'int4'
  | 'float4e2m1'
  | 'float8e8m0'
  | 'uint2'
  | 'int2'
  | 'float6e2m3'
  | 'float6e3m2';

/** A dimension: a number, a symbolic name, or `null` when the file does not say. */
export type Dim = number | string | null;

export interface TensorType {
  readonly dataType: DataType;
  /** `null`: rank unknown. */
  readonly shape: readonly Dim[] | null;
}

/** Where the bytes of a tensor are. Bytes are little-endian and row-major, as ONNX raw_data. */
export type TensorData =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'external';
      readonly location: string;
      readonly offsetBytes: number;
      readonly lengthBytes: number;
      /** Entries of `external_data` besides those three (a checksum of the whole file); dropped by repacking. */
      readonly entries?: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'strings'; readonly values: readonly Uint8Array[] };

export interface Tensor {
  readonly name: string;
  readonly dataType: DataType;
  readonly dims: readonly number[];
  readonly data: TensorData;
  readonly docString?: string;
  readonly metadata?: ReadonlyMap<string, string>;
  /** Fields that this IR does not model, as protobuf bytes; written back unchanged. */
  readonly unknown?: Uint8Array;
}

/** An initializer in coordinate form. Its contents are not modelled. */
export interface SparseTensor {
  readonly name: string;
  readonly type: TensorType;
  /** The SparseTensorProto, written back unchanged. */
  readonly bytes: Uint8Array;
}

export interface ValueInfo {
  readonly name: string;
  /** Absent: the file gives no type, or one that is not a plain tensor (then `unknown` holds it). */
  readonly type?: TensorType;
  readonly docString?: string;
  readonly metadata?: ReadonlyMap<string, string>;
  readonly unknown?: Uint8Array;
}

export type Attribute = AttributeValue & {
  /** Doc string and fields that this IR does not model, as protobuf bytes; written back unchanged. */
  readonly unknown?: Uint8Array;
};

export type AttributeValue =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: Uint8Array }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'graph'; readonly value: Graph }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly bigint[] }
  | { readonly kind: 'strings'; readonly value: readonly Uint8Array[] }
  | { readonly kind: 'tensors'; readonly value: readonly Tensor[] }
  | { readonly kind: 'graphs'; readonly value: readonly Graph[] }
  /** In a function body: takes the value of the function's attribute of that name. */
  | { readonly kind: 'reference'; readonly attribute: string; readonly type: number }
  /** Sparse tensors, types and whatever comes later: the AttributeProto as bytes, written back unchanged. */
  | { readonly kind: 'raw'; readonly bytes: Uint8Array };

export interface Node {
  readonly name: string;
  /** '' is the default domain ('ai.onnx' is read as ''). */
  readonly domain: string;
  readonly opType: string;
  readonly overload?: string;
  /** '' is an optional input left out. */
  readonly inputs: readonly string[];
  /** '' is an optional output left out. */
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly metadata?: ReadonlyMap<string, string>;
  readonly docString?: string;
  readonly unknown?: Uint8Array;
}

export interface Graph {
  readonly name: string;
  /** In a valid topological order, as ONNX demands. */
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly valueInfo: ReadonlyMap<string, ValueInfo>;
  readonly docString?: string;
  readonly metadata?: ReadonlyMap<string, string>;
  readonly sparseInitializers?: ReadonlyMap<string, SparseTensor>;
  /** Fields unknown to this IR. */
  readonly unknown?: Uint8Array;
  /** Tensor name -> quantisation parameter tensor names (TensorAnnotation). */
  readonly quantization?: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export interface ModelFunction {
  readonly name: string;
  readonly domain: string;
  readonly overload?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly string[];
  /** Attributes with defaults. */
  readonly attributeDefaults: ReadonlyMap<string, Attribute>;
  readonly nodes: readonly Node[];
  readonly opsets: ReadonlyMap<string, number>;
  readonly valueInfo: ReadonlyMap<string, ValueInfo>;
  readonly metadata?: ReadonlyMap<string, string>;
  readonly docString?: string;
  readonly unknown?: Uint8Array;
}

export interface Model {
  readonly irVersion: number;
  /** Domain -> version; '' is the default domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion: bigint;
  readonly docString: string;
  readonly graph: Graph;
  readonly functions: readonly ModelFunction[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly unknown?: Uint8Array;
}
