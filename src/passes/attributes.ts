/** Attributes as passes write them. */
import type { Attribute } from '../onnx/model';

export const int = (value: number): Attribute => ({ kind: 'int', value: BigInt(value) });
export const ints = (values: readonly number[]): Attribute => ({ kind: 'ints', value: values.map(BigInt) });
export const float = (value: number): Attribute => ({ kind: 'float', value });
