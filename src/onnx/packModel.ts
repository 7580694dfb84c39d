/**
 * A model made ready to be saved: graph bytes, and the weights that are still in use, streamed from where they are.
 * Nothing but live byte ranges is read, and no more than a few chunks are in memory at a time (layout `external`).
 */
import { StudioError } from '../errors/StudioError';
import type { ByteSource } from './ByteSource';
import { tensorByteLength } from './dataTypes';
import { checkLocation } from './externalLocations';
import type { Model, Tensor } from './model';
import { planSegments, type Segment } from './packing/planSegments';
import { segmentsBlob } from './packing/segmentsBlob';
import { type WriteOptions, writeSegments } from './packing/writeSegments';
import { allTensors, mapTensors } from './tensors';
import { tensorBytes } from './tensorValues';
import { MAX_PROTOBUF_BYTES, writeModel } from './writeModel';

/** `single`: all weights inside the graph file. `external`: in one file beside it. */
export type PackLayout = { readonly kind: 'single' } | { readonly kind: 'external'; readonly location: string };

export interface PackedModel {
  /** The graph file. */
  readonly modelBytes: Uint8Array;
  /** The weights file that the graph names; absent when there is nothing to write to it. */
  readonly dataLocation?: string;
  readonly dataSizeBytes: number;
  /**
   * Writes the weights file from start to end in chunks, one at a time; a chunk's memory is used again once
   * the sink's promise is fulfilled. May be called again.
   * Throws the signal's reason when aborted, and what the sink or a source throws.
   */
  writeData(sink: (chunk: Uint8Array) => Promise<void>, options?: WriteOptions): Promise<void>;
  /**
   * The weights file without writing it: a Blob made of ranges of the old files where these are Blobs. It can be
   * read as long as they stay as they are; a changed file makes reading fail.
   */
  dataBlob(): Promise<Blob>;
}

/** Smaller inline tensors stay in the graph file: shape constants and biases that a runtime wants at once. */
const smallestMovedBytes = 1024;

/**
 * `sources`: location -> weights file, for every location that the model names. Throws `onnx/missing-external-data`,
 * `onnx/external-data-range`, `onnx/unsafe-location`, and `onnx/too-large` for a single file beyond 2 GB; all before anything is written.
 */
export async function packModel(
  model: Model,
  sources: ReadonlyMap<string, ByteSource>,
  layout: PackLayout,
): Promise<PackedModel> {
  checkSources(model, sources);
  return layout.kind === 'single' ? packSingle(model, sources) : packExternal(model, sources, layout.location);
}

/** Every external range must lie inside a file that is there. */
function checkSources(model: Model, sources: ReadonlyMap<string, ByteSource>): void {
  const missing = new Set<string>();
  for (const { name, data } of allTensors(model)) {
    if (data.kind !== 'external') continue;
    checkLocation(data.location);
    const source = sources.get(data.location);
    if (!source) missing.add(data.location);
    else if (data.offsetBytes + data.lengthBytes > source.sizeBytes) {
      throw new StudioError(
        'onnx/external-data-range',
        `The tensor '${name}' ends at byte ${data.offsetBytes + data.lengthBytes} of ${data.location}, which has ${source.sizeBytes}.`,
        {
          tensor: name,
          location: data.location,
          offsetBytes: data.offsetBytes,
          lengthBytes: data.lengthBytes,
          sizeBytes: source.sizeBytes,
        },
      );
    }
  }
  if (missing.size > 0) {
    throw new StudioError(
      'onnx/missing-external-data',
      `The model keeps weights in ${[...missing].join(', ')}, which ${missing.size === 1 ? 'is' : 'are'} not there.`,
      { missing: [...missing] },
    );
  }
}

async function packSingle(model: Model, sources: ReadonlyMap<string, ByteSource>): Promise<PackedModel> {
  let weightBytes = 0;
  for (const tensor of allTensors(model)) weightBytes += tensorByteLength(tensor);
  if (weightBytes > MAX_PROTOBUF_BYTES) {
    throw new StudioError(
      'onnx/too-large',
      `One .onnx file holds at most 2 GB; these weights are ${(weightBytes / 1e9).toFixed(2)} GB.`,
      { sizeBytes: weightBytes },
    );
  }
  const inlined = new Map<Tensor, Tensor>();
  for (const tensor of allTensors(model)) {
    if (tensor.data.kind === 'external')
      inlined.set(tensor, { ...tensor, data: { kind: 'inline', bytes: await tensorBytes(tensor, sources) } });
  }
  return {
    modelBytes: writeModel(mapTensors(model, (tensor) => inlined.get(tensor) ?? tensor)),
    dataSizeBytes: 0,
    writeData: async () => {},
    dataBlob: async () => new Blob(),
  };
}

async function packExternal(
  model: Model,
  sources: ReadonlyMap<string, ByteSource>,
  location: string,
): Promise<PackedModel> {
  checkLocation(location);
  const moved = new Set(
    [...model.graph.initializers.values()].filter(
      ({ data }) => data.kind === 'inline' && data.bytes.length >= smallestMovedBytes,
    ),
  );
  const packed = [...allTensors(model)].filter((tensor) => tensor.data.kind === 'external' || moved.has(tensor));
  const { offsets, segments, sizeBytes } = planSegments(packed, sources);
  const relocated = mapTensors(model, (tensor) => {
    const offsetBytes = offsets.get(tensor);
    if (offsetBytes === undefined) return tensor;
    const lengthBytes = tensorByteLength(tensor);
    return {
      ...tensor,
      data:
        lengthBytes === 0
          ? { kind: 'inline', bytes: new Uint8Array(0) }
          : { kind: 'external', location, offsetBytes, lengthBytes },
    };
  });
  return {
    modelBytes: writeModel(relocated),
    ...(segments.length > 0 ? { dataLocation: location } : {}),
    dataSizeBytes: sizeBytes,
    writeData: (sink, options) => writeSegments(segments, sizeBytes, sink, options),
    dataBlob: () => segmentsBlob(segments),
  };
}

export type { Segment, WriteOptions };
