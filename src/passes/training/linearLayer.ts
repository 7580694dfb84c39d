/**
 * The linear layer that a value comes from by additions and rearrangement alone: what is changed in its weights and bias
 * changes the value by a linear map of the layer's input, so that a fit has a closed form. Finds; fits nothing.
 */
import { present } from '../../errors/present';
import { elementCount } from '../../onnx/dataTypes';
import { producers, usedNames } from '../../onnx/graph';
import type { Graph, Model, Node } from '../../onnx/model';
import { intAttribute } from '../../onnx/shapes/OpCall';

export interface LinearLayer {
  /** A Conv of one group, a Gemm without scale, or a MatMul by a matrix. */
  readonly node: Node;
  /** The initializer, which may reach the node through casts and one transposition. */
  readonly weight: string;
  readonly transposed: boolean;
  /** The node's own, or that of an Add right behind it. */
  readonly bias: string | undefined;
}

const CARRIERS = new Set(['Add', 'Reshape', 'Transpose', 'Unsqueeze', 'Squeeze', 'Identity', 'Flatten']);

/** The one that runs last of all such layers. `usable`: whether an initializer may be changed. */
export function linearLayerBefore(
  { graph }: Model,
  value: string,
  usable: (name: string) => boolean,
): LinearLayer | undefined {
  const search = new Search(graph, usable);
  search.visit(value, undefined);
  const { last, ends } = search;
  // what the layer does must not also come by another way that is not linear
  return last && !dependsOn(graph, ends, last.node) ? last : undefined;
}

/** Whether one of `ends` needs what `source` gives. */
function dependsOn(graph: Graph, ends: ReadonlySet<Node>, source: Node): boolean {
  const reached = new Set(source.outputs);
  for (const node of graph.nodes) {
    if (!usedNames(node).some((name) => reached.has(name))) continue;
    if (ends.has(node)) return true;
    for (const name of node.outputs) reached.add(name);
  }
  return false;
}

class Search {
  last: LinearLayer | undefined;
  /** Nodes at which the ways back end. */
  readonly ends = new Set<Node>();
  private readonly makers: ReadonlyMap<string, Node>;
  private readonly position: ReadonlyMap<Node, number>;
  private readonly seen = new Set<string>();

  constructor(
    private readonly graph: Graph,
    private readonly usable: (name: string) => boolean,
  ) {
    this.makers = producers(graph);
    this.position = new Map(graph.nodes.map((node, index) => [node, index]));
  }

  /** `bias`: what an Add right behind `name` adds to it. */
  visit(name: string, bias: string | undefined): void {
    const node = this.makers.get(name);
    if (!node || this.seen.has(name)) return;
    this.seen.add(name);
    const layer = node.domain === '' ? this.layerOf(node, bias) : undefined;
    if (layer && (!this.last || present(this.position.get(node)) > present(this.position.get(this.last.node))))
      this.last = layer;
    if (node.domain !== '' || !CARRIERS.has(node.opType)) return void this.ends.add(node);
    if (node.opType !== 'Add') return this.visit(present(node.inputs[0]), bias);
    const added = node.inputs.map((side) => this.vector(side)).find((found) => found !== undefined);
    for (const side of node.inputs) this.visit(side, added);
  }

  private layerOf(node: Node, added: string | undefined): LinearLayer | undefined {
    const [, operand, own = ''] = node.inputs;
    const stored = operand === undefined ? undefined : this.stored(operand);
    if (!stored || !this.usable(stored.weight)) return undefined;
    const { dims } = present(this.graph.initializers.get(stored.weight));
    const bias = own === '' ? undefined : this.vector(own);
    if (own !== '' && bias === undefined) return undefined;
    const layer = { node, ...stored, bias };
    switch (node.opType) {
      case 'Conv':
        return intAttribute(node, 'group', 1) === 1 && !stored.transposed ? layer : undefined;
      case 'Gemm':
        return isScaled(node) || intAttribute(node, 'transA', 0) === 1 ? undefined : layer;
      case 'MatMul': {
        if (dims.length !== 2) return undefined;
        const outputs = dims[stored.transposed ? 0 : 1];
        const fits = added !== undefined && elementCount(present(this.graph.initializers.get(added)).dims) === outputs;
        return { ...layer, bias: fits ? added : undefined };
      }
      default:
        return undefined;
    }
  }

  private stored(name: string): Pick<LinearLayer, 'weight' | 'transposed'> | undefined {
    if (this.graph.initializers.has(name)) return { weight: name, transposed: false };
    const node = this.makers.get(name);
    if (node?.opType === 'Cast' || node?.opType === 'Identity') return this.stored(present(node.inputs[0]));
    const inner = node?.opType === 'Transpose' ? this.stored(present(node.inputs[0])) : undefined;
    if (!inner || present(this.graph.initializers.get(inner.weight)).dims.length !== 2) return undefined;
    return { ...inner, transposed: !inner.transposed };
  }

  /** The initializer of a vector that may be changed. */
  private vector(name: string): string | undefined {
    const stored = this.stored(name);
    if (!stored || !this.usable(stored.weight)) return undefined;
    const { dims } = present(this.graph.initializers.get(stored.weight));
    return dims.at(-1) === elementCount(dims) ? stored.weight : undefined;
  }
}

function isScaled(node: Node): boolean {
  return ['alpha', 'beta'].some((name) => {
    const attribute = node.attributes.get(name);
    return attribute?.kind === 'float' && attribute.value !== 1;
  });
}
