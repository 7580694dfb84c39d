/**
 * One graph while a pass rewrites it: who makes and who uses what is kept up to date, values keep their names, and what
 * is no longer needed goes at the end. For passes that run on what the runtime gets; `prune` and `gate` do without.
 */

import { setFloat16 } from '@petamoriken/float16';
import { present } from '../errors/present';
import { allNames, producers, removeDeadCode, renameUses, topologicalOrder, usedNames } from '../onnx/graph';
import type { Attribute, DataType, Graph, Model, Node, Tensor } from '../onnx/model';
import type { ClipSizes } from './clipSizes';

export interface NewNode {
  readonly opType: string;
  readonly inputs: readonly string[];
  /** Absent: a new name. */
  readonly output?: string;
  /** Outputs after the first; '' for one that is not asked for. */
  readonly moreOutputs?: readonly string[];
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Of the output. */
  readonly shape?: readonly number[] | undefined;
  readonly dataType?: DataType | undefined;
}

export class GraphEditor {
  private readonly nodes = new Set<Node>();
  private readonly made = new Map<string, Node>();
  private readonly readers = new Map<string, Set<Node>>();
  private readonly names: Set<string>;
  private readonly inputs: ReadonlySet<string>;
  private readonly initializers: Map<string, Tensor>;
  private readonly sizes: Map<string, ClipSizes>;
  private readonly kept: ReadonlySet<string>;
  private readonly domains = new Set<string>();
  private readonly vectors = new Map<string, string>();
  private next = 0;

  /** `kept`: values that must stay what they are, beside the graph's outputs; `prefix` begins the names of new values. */
  constructor(
    private readonly model: Model,
    sizes: ReadonlyMap<string, ClipSizes>,
    kept: Iterable<string>,
    private readonly prefix: string,
  ) {
    const { graph } = model;
    this.names = allNames(graph);
    this.inputs = new Set(graph.inputs.map(({ name }) => name));
    this.initializers = new Map(graph.initializers);
    this.sizes = new Map(sizes);
    this.kept = new Set([...kept, ...graph.outputs.map(({ name }) => name)]);
    for (const node of graph.nodes) this.insert(node);
  }

  /** In the order of the file, new ones last; safe to change the graph on the way. */
  get all(): readonly Node[] {
    return [...this.nodes];
  }

  has(node: Node): boolean {
    return this.nodes.has(node);
  }

  maker(value: string): Node | undefined {
    return this.made.get(value);
  }

  users(value: string): readonly Node[] {
    return [...(this.readers.get(value) ?? [])];
  }

  /** May not be swallowed by a fused operator. */
  isKept(value: string): boolean {
    return this.kept.has(value);
  }

  /** Read once, by this node, and kept by nobody: it may disappear into that node. */
  isOnlyFor(value: string, user: Node): boolean {
    if (this.kept.has(value)) return false;
    const readers = this.readers.get(value);
    return readers?.size === 1 && readers.has(user);
  }

  shape(value: string): readonly number[] | undefined {
    return this.sizes.get(value)?.shape;
  }

  dataType(value: string): DataType | undefined {
    return this.sizes.get(value)?.dataType;
  }

  /** The elements, where they are few and the same for every input and batch. */
  constant(value: string): readonly number[] | undefined {
    return this.sizes.get(value)?.constant;
  }

  /** An initializer that no caller can replace. */
  weight(value: string): Tensor | undefined {
    return this.inputs.has(value) ? undefined : this.initializers.get(value);
  }

  opset(domain: string): number {
    return this.model.opsets.get(domain) ?? 0;
  }

  /** Returns the output's name. */
  add(node: NewNode): string {
    const output = node.output ?? this.fresh();
    const domain = node.domain ?? '';
    if (domain !== '') this.domains.add(domain);
    const attributes = new Map(Object.entries(node.attributes ?? {}));
    this.insert({
      name: this.nodeName(output),
      domain,
      opType: node.opType,
      inputs: node.inputs,
      outputs: [output, ...(node.moreOutputs ?? [])],
      attributes,
    });
    if (node.shape || node.dataType)
      this.sizes.set(output, { dataType: node.dataType, shape: node.shape, constant: undefined });
    return output;
  }

  addWeight(tensor: Omit<Tensor, 'name'>): string {
    const name = this.fresh();
    this.initializers.set(name, { ...tensor, name });
    this.sizes.set(name, { dataType: tensor.dataType, shape: tensor.dims, constant: undefined });
    return name;
  }

  /** A vector of int64; the same one for the same values. */
  addInts(values: readonly number[]): string {
    const known = this.vectors.get(values.join());
    if (known !== undefined) return known;
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    const name = this.addWeight({ dataType: 'int64', dims: [values.length], data: { kind: 'inline', bytes } });
    this.sizes.set(name, { dataType: 'int64', shape: [values.length], constant: values });
    this.vectors.set(values.join(), name);
    return name;
  }

  addScalar(value: number, dataType: 'float32' | 'float16'): string {
    const view = new DataView(new ArrayBuffer(dataType === 'float32' ? 4 : 2));
    if (dataType === 'float32') view.setFloat32(0, value, true);
    else setFloat16(view, 0, value, true);
    const name = this.addWeight({ dataType, dims: [], data: { kind: 'inline', bytes: new Uint8Array(view.buffer) } });
    this.sizes.set(name, { dataType, shape: [], constant: [value] });
    return name;
  }

  /** Makes the value an initializer instead of what its node makes. */
  setConstant(value: string, tensor: Omit<Tensor, 'name'>): void {
    const maker = this.made.get(value);
    if (maker) this.remove(maker);
    this.initializers.set(value, { ...tensor, name: value });
  }

  remove(node: Node): void {
    this.nodes.delete(node);
    for (const output of node.outputs) if (this.made.get(output) === node) this.made.delete(output);
    for (const name of usedNames(node)) this.readers.get(name)?.delete(node);
  }

  /** Drops what nothing reads any more, so that it does not count as a reader itself. `finish` does so too. */
  sweep(): void {
    const unread = (node: Node) => node.outputs.every((name) => !this.kept.has(name) && !this.readers.get(name)?.size);
    let pending = this.all.filter(unread);
    while (pending.length > 0) {
      for (const node of pending) this.remove(node);
      const makers = pending.flatMap((node) => usedNames(node).flatMap((name) => this.made.get(name) ?? []));
      pending = [...new Set(makers)].filter((node) => this.nodes.has(node) && unread(node));
    }
  }

  /** Another node in its place, which makes the same value. Returns that value. */
  replace(node: Node, by: Omit<NewNode, 'output' | 'shape' | 'dataType'>): string {
    const output = present(node.outputs[0]);
    this.remove(node);
    return this.add({ ...by, output });
  }

  /** Every user of `value` reads `other` instead; for a value that is kept, or a graph output, an Identity makes it. */
  replaceValue(value: string, other: string): void {
    const maker = this.made.get(value);
    if (maker) this.remove(maker);
    if (this.kept.has(value)) {
      this.add({ opType: 'Identity', inputs: [other], output: value });
      return;
    }
    for (const user of this.users(value)) {
      this.remove(user);
      this.insert(renameUses(user, (name) => (name === value ? other : name)));
    }
  }

  /** The model with what was changed, dead code gone, in a valid order. */
  finish(): Model {
    const { graph } = this.model;
    const changed: Graph = {
      ...graph,
      nodes: [...this.nodes],
      initializers: this.initializers,
      outputs: [...graph.outputs, ...this.keptOutputs()],
    };
    const live = removeDeadCode({ ...changed, nodes: topologicalOrder(changed) });
    const made = producers(live);
    const valueInfo = new Map([...live.valueInfo].filter(([name]) => made.has(name)));
    const opsets = new Map(this.model.opsets);
    for (const domain of this.domains) if (!opsets.has(domain)) opsets.set(domain, 1);
    return { ...this.model, opsets, graph: { ...live, outputs: graph.outputs, valueInfo } };
  }

  /** As outputs for a moment, so that the sweep for dead code leaves them. */
  private keptOutputs(): { readonly name: string }[] {
    const outputs = new Set(this.model.graph.outputs.map(({ name }) => name));
    return [...this.kept].filter((name) => !outputs.has(name) && this.made.has(name)).map((name) => ({ name }));
  }

  private insert(node: Node): void {
    this.nodes.add(node);
    for (const output of node.outputs) if (output !== '') this.made.set(output, node);
    for (const name of usedNames(node)) {
      const readers = this.readers.get(name);
      if (readers) readers.add(node);
      else this.readers.set(name, new Set([node]));
    }
  }

  private nodeName(output: string): string {
    return output.startsWith(this.prefix) ? output : `${this.prefix}:${output}`;
  }

  private fresh(): string {
    let name: string;
    do name = `${this.prefix}:${this.next++}`;
    while (this.names.has(name));
    this.names.add(name);
    return name;
  }
}
