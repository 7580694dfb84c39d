/**
 * A model written into a sink: packed, put there, read again, checked, and only then given its place. The page's export
 * and the command line share this; what a place is (a picked folder, a disk, a Blob for a download) the sink knows.
 */
import { StudioError } from '../errors/StudioError';
import type { ByteSource } from '../onnx/ByteSource';
import { checkModel } from '../onnx/checkModel';
import type { Model, ValueInfo } from '../onnx/model';
import { type PackLayout, packModel } from '../onnx/packModel';
import { readModel } from '../onnx/readModel';
import type { SessionModel } from '../runtime/Runtime';

/** A weights file that is still where its bytes come from. */
export interface WeightsFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** From start to end; a chunk's memory is used again once the promise is fulfilled. */
  write(sink: (chunk: Uint8Array) => Promise<void>): Promise<void>;
  /** Its ranges as they lie in the opened files, where these are Blobs. */
  blob(): Promise<Blob>;
}

/** Where a model's files go. Whoever makes one discards it when saving throws. */
export interface ModelSink<File> {
  /** Gives the file as it can be read from now on. */
  putWeights(file: WeightsFile): Promise<ByteSource>;
  /** Gives it as it is read again. */
  putGraph(bytes: Uint8Array): Promise<Uint8Array>;
  /** Gives the files their place, the graph last: it decides which weights are read. The graph comes first in the list. */
  commit(): Promise<readonly File[]>;
}

export interface SaveOptions<Checked> {
  readonly layout: PackLayout;
  /** What the file is called in errors. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
  /** Looks at the complete files; what it throws keeps them from their place. Without it inputs and outputs are compared. */
  readonly check?: ((file: SessionModel) => Promise<Checked>) | undefined;
}

/** Throws as `packModel`, the sink and `check` do, and the signal's reason. */
export async function saveModel<File, Checked = undefined>(
  model: Model,
  sources: ReadonlyMap<string, ByteSource>,
  sink: ModelSink<File>,
  { layout, what, signal, check }: SaveOptions<Checked>,
): Promise<{ readonly files: readonly File[]; readonly checked: Checked | undefined }> {
  const packed = await packModel(model, sources, layout);
  const externalData = new Map<string, ByteSource>();
  const { dataLocation, dataSizeBytes } = packed;
  if (dataLocation !== undefined) {
    const weights: WeightsFile = {
      name: dataLocation,
      sizeBytes: dataSizeBytes,
      write: (write) => packed.writeData(write, { signal }),
      blob: () => packed.dataBlob(),
    };
    externalData.set(dataLocation, await sink.putWeights(weights));
  }
  signal?.throwIfAborted();
  const modelBytes = await sink.putGraph(packed.modelBytes);
  if (!check) checkEnds(modelBytes, model);
  const checked = await check?.({ what, modelBytes, externalData });
  signal?.throwIfAborted();
  return { files: await sink.commit(), checked };
}

/** The written graph must be well formed and have the inputs and outputs it was made with. */
function checkEnds(modelBytes: Uint8Array, expected: Model): void {
  const written = readModel(modelBytes);
  checkModel(written);
  const ends = ({ graph }: Model) =>
    JSON.stringify(
      [graph.inputs, graph.outputs].map((values) => values.map(({ name, type }: ValueInfo) => ({ name, type }))),
    );
  if (ends(written) !== ends(expected))
    throw new StudioError('internal', 'The written file has other inputs or outputs than the model it was made from.');
}
