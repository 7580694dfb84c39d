/** Every tensor of a model, wherever it is: initializers, attributes, subgraphs, functions. Sparse ones are not among them. */
import type { Attribute, Graph, Model, Node, Tensor } from './model';

/** In the order of the file. */
export function* allTensors(model: Model): Generator<Tensor> {
  yield* graphTensors(model.graph);
  for (const { nodes, attributeDefaults } of model.functions) {
    yield* nodeTensors(nodes);
    for (const attribute of attributeDefaults.values()) yield* attributeTensors(attribute);
  }
}

export function* graphTensors(graph: Graph): Generator<Tensor> {
  yield* graph.initializers.values();
  yield* nodeTensors(graph.nodes);
}

function* nodeTensors(nodes: readonly Node[]): Generator<Tensor> {
  for (const node of nodes) for (const attribute of node.attributes.values()) yield* attributeTensors(attribute);
}

function* attributeTensors(attribute: Attribute): Generator<Tensor> {
  switch (attribute.kind) {
    case 'tensor':
      yield attribute.value;
      break;
    case 'tensors':
      yield* attribute.value;
      break;
    case 'graph':
      yield* graphTensors(attribute.value);
      break;
    case 'graphs':
      for (const graph of attribute.value) yield* graphTensors(graph);
      break;
    default:
  }
}

/** The model with every tensor replaced by what `change` returns; parts without a change are shared, not copied. */
export function mapTensors(model: Model, change: (tensor: Tensor) => Tensor): Model {
  return {
    ...model,
    graph: mapGraph(model.graph, change),
    functions: model.functions.map((definition) => ({
      ...definition,
      nodes: mapNodes(definition.nodes, change),
      attributeDefaults: mapAttributes(definition.attributeDefaults, change),
    })),
  };
}

function mapGraph(graph: Graph, change: (tensor: Tensor) => Tensor): Graph {
  return {
    ...graph,
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [name, change(tensor)])),
    nodes: mapNodes(graph.nodes, change),
  };
}

const holdsTensors = (attribute: Attribute): boolean =>
  ['tensor', 'tensors', 'graph', 'graphs'].includes(attribute.kind);

function mapNodes(nodes: readonly Node[], change: (tensor: Tensor) => Tensor): readonly Node[] {
  return nodes.map((node) => {
    for (const attribute of node.attributes.values())
      if (holdsTensors(attribute)) return { ...node, attributes: mapAttributes(node.attributes, change) };
    return node;
  });
}

function mapAttributes(
  attributes: ReadonlyMap<string, Attribute>,
  change: (tensor: Tensor) => Tensor,
): ReadonlyMap<string, Attribute> {
  return new Map(
    [...attributes].map(([name, attribute]): [string, Attribute] => {
      switch (attribute.kind) {
        case 'tensor':
          return [name, { ...attribute, value: change(attribute.value) }];
        case 'tensors':
          return [name, { ...attribute, value: attribute.value.map(change) }];
        case 'graph':
          return [name, { ...attribute, value: mapGraph(attribute.value, change) }];
        case 'graphs':
          return [name, { ...attribute, value: attribute.value.map((graph) => mapGraph(graph, change)) }];
        default:
          return [name, attribute];
      }
    }),
  );
}
