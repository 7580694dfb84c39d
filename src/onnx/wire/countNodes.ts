/**
 * How many nodes a graph file holds, those of branches and loops too, without reading it: a walk over the lengths of its
 * fields, in which weights are passed by. For guessing how long a runtime takes over it; whether the file is sound is
 * `readModel`'s business.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { AttributeProtoSchema, GraphProtoSchema, ModelProtoSchema, NodeProtoSchema } from './onnx_pb';

const { graph, functions } = ModelProtoSchema.field;
const GRAPH_NODE = GraphProtoSchema.field.node.number;
const NODE_ATTRIBUTE = NodeProtoSchema.field.attribute.number;
const BODIES = new Set([AttributeProtoSchema.field.g.number, AttributeProtoSchema.field.graphs.number]);

/** Graphs in each other; the reader stops there too. */
const MOST_DEPTH = 99;

/** Undefined for what is no model, and for one with functions of its own, whose calls stand for any number of nodes. */
export function countNodes(modelBytes: Uint8Array): number | undefined {
  try {
    let nodes: number | undefined;
    let hasFunctions = false;
    const reader = new BinaryReader(modelBytes);
    eachMessage(reader, modelBytes.length, (field, end) => {
      if (field === functions.number) hasFunctions = true;
      if (field === graph.number) nodes = (nodes ?? 0) + inGraph(reader, end, 0);
    });
    return hasFunctions ? undefined : nodes;
  } catch {
    return undefined; // damaged: whoever opens it says so
  }
}

function inGraph(reader: BinaryReader, end: number, depth: number): number {
  if (depth > MOST_DEPTH) throw new RangeError('Graphs are nested too deep.');
  let nodes = 0;
  eachMessage(reader, end, (field, nodeEnd) => {
    if (field !== GRAPH_NODE) return;
    nodes++;
    eachMessage(reader, nodeEnd, (ofNode, attributeEnd) => {
      if (ofNode !== NODE_ATTRIBUTE) return;
      eachMessage(reader, attributeEnd, (ofAttribute, bodyEnd) => {
        if (BODIES.has(ofAttribute)) nodes += inGraph(reader, bodyEnd, depth + 1);
      });
    });
  });
  return nodes;
}

/** Calls back at the start of every delimited field, and goes on behind it however far that was read. */
function eachMessage(reader: BinaryReader, end: number, visit: (field: number, end: number) => void): void {
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (wireType !== WireType.LengthDelimited) {
      reader.skip(wireType);
      continue;
    }
    const fieldEnd = reader.uint32() + reader.pos;
    if (fieldEnd > end) throw new RangeError('A field runs past the end of what holds it.');
    visit(field, fieldEnd);
    reader.pos = fieldEnd;
  }
}
