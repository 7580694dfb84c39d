/** One node as a shape rule sees it: what is known of its inputs, and its attributes read with defaults. */
import type { DataType, Dim, Graph, Node, Tensor } from '../model';
import type { Value } from './Value';

export interface OpCall {
  readonly node: Node;
  /** Version of the node's domain; 0 when the model imports none. */
  readonly opset: number;
  /** undefined: an optional input left out. */
  readonly inputs: readonly (Value | undefined)[];
  /** Infers a subgraph with the given values for its inputs; returns its outputs. */
  inferBody(body: Graph, inputs: readonly (Value | undefined)[]): readonly Value[];
}

/** One value per output of the node; a shorter list leaves the rest unknown. */
export type ShapeRule = (call: OpCall) => readonly (Value | undefined)[];

export type RuleTable = Readonly<Record<string, ShapeRule>>;

export const shapeOf = (call: OpCall, i: number): readonly Dim[] | null => call.inputs[i]?.shape ?? null;

export const typeOf = (call: OpCall, i: number): DataType | undefined => call.inputs[i]?.dataType;

export function intAttribute(node: Node, name: string, otherwise: number): number;
export function intAttribute(node: Node, name: string): number | undefined;
export function intAttribute(node: Node, name: string, otherwise?: number): number | undefined {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'int' ? Number(attribute.value) : otherwise;
}

export function floatAttribute(node: Node, name: string, otherwise: number): number {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'float' ? attribute.value : otherwise;
}

export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'ints' ? attribute.value.map(Number) : undefined;
}

export function floatsAttribute(node: Node, name: string): readonly number[] | undefined {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'floats' ? attribute.value : undefined;
}

export function textAttribute(node: Node, name: string, otherwise: string): string {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'string' ? new TextDecoder().decode(attribute.value) : otherwise;
}

export function tensorAttribute(node: Node, name: string): Tensor | undefined {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'tensor' ? attribute.value : undefined;
}

export function graphAttribute(node: Node, name: string): Graph | undefined {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'graph' ? attribute.value : undefined;
}

/** A negative axis counts from the end; undefined when it leaves the rank. */
export function resolveAxis(axis: number, rank: number): number | undefined {
  const resolved = axis < 0 ? axis + rank : axis;
  return resolved >= 0 && resolved < rank ? resolved : undefined;
}

/** Undefined when one of them leaves the rank. */
export function resolveAxes(axes: readonly number[], rank: number): readonly number[] | undefined {
  const resolved = axes.map((axis) => resolveAxis(axis, rank));
  return resolved.every((axis) => axis !== undefined) ? resolved : undefined;
}
