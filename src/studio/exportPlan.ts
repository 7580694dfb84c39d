/**
 * A student as files. Before they are handed out the written graph is loaded afresh, run on the same input as the
 * gated session, and compared with it; a model that does not run here is handed out without that, and says so.
 *
 * For a download nothing is copied: the files are Blobs made of ranges of the opened ones, which the browser reads
 * when it saves them.
 *
 * In a place that the person picked, the weights come first, are read from there for the comparison, and the graph
 * (or the zip) is written last: no name that a person would open ever belongs to a file that was not compared, and
 * a file that is replaced stays until then. It is read back byte for byte before success is said, and so are weights
 * that were not compared. Whatever goes wrong, and a cancel, removes all that was written.
 */
import type { Plan } from '../blocks/block';
import { countTotals } from '../blocks/countTotals';
import { StudioError } from '../errors/StudioError';
import { blobSource } from '../onnx/blobSource';
import { packModel } from '../onnx/packModel';
import { prune } from '../passes/prune';
import { studentName } from '../pipeline/studentName';
import type {
  ExportedFile,
  ExportProgress,
  ExportRequest,
  ExportResult,
  ExportVerification,
  PickedPlace,
} from './exportData';
import { firstCall } from './firstCall';
import type { OpenedParts } from './OpenedParts';
import { createFile, type ExportFileWriter, freeName, readBack } from './pickedFiles';
import { type Preview, previewStudent, verifyStudent } from './verifyStudent';
import { zipBlob, zipEntries } from './zipPipeline';

export interface ExportPlanRequest extends ExportRequest {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ExportProgress) => void;
}

type Report = (phase: ExportProgress['phase'], loadedBytes?: number, totalBytes?: number) => void;

/**
 * Throws `engine/verification-failed` when the file does not do what the preview did; nothing is handed out then.
 * With a place: `library/write-refused`, `library/write-failed`, `library/quota`.
 */
export async function exportPlan(parts: OpenedParts, request: ExportPlanRequest): Promise<ExportResult> {
  const begun: ExportFileWriter[] = [];
  try {
    return await writeStudent(parts, request, begun);
  } catch (thrown) {
    for (const file of begun) await file.discard();
    throw thrown;
  }
}

async function writeStudent(
  parts: OpenedParts,
  request: ExportPlanRequest,
  begun: ExportFileWriter[],
): Promise<ExportResult> {
  const { denoiser, tree, types, description, cannotRun } = parts;
  const { plan, format, signal, place } = request;
  const report = reporter(request.onProgress);
  const save = async (
    to: PickedPlace,
    { name, blob }: ExportedFile,
    phase: 'write' | 'save',
    comparedLater: boolean,
  ): Promise<ExportedFile> => {
    const writer = await createFile(to, name, blob.size);
    begun.push(writer);
    await writePieces(blob, writer, (bytes) => report(phase, bytes, blob.size), signal);
    const saved = { name, blob: await writer.finish() };
    if (!comparedLater) await readBack(saved, blob, (bytes) => report('save', bytes, blob.size), signal);
    return saved;
  };
  const preview = cannotRun ?? (await previewOrReason(parts, request));
  report('prune');
  const student = prune(denoiser.model, tree, plan);
  const zipped = format === 'pipeline-zip';
  const external = format === 'onnx-external' || (zipped && denoiser.weights.size > 0);
  const wanted = studentName(description.name, plan.dropped);
  const baseName = place?.kind === 'folder' ? await freeName(place.handle, wanted, ['.onnx', '.onnx.data']) : wanted;
  const fileName = place?.kind === 'file' ? place.handle.name : `${baseName}.${zipped ? 'zip' : 'onnx'}`;
  const graphName = zipped ? 'model.onnx' : fileName;
  const packed = await packModel(
    student,
    denoiser.weights,
    external ? { kind: 'external', location: `${graphName}.data` } : { kind: 'single' },
  );
  const data: ExportedFile[] = [];
  if (packed.dataLocation !== undefined) {
    const weights = { name: packed.dataLocation, blob: await packed.dataBlob() };
    data.push(place && !zipped ? await save(place, weights, 'write', typeof preview !== 'string') : weights);
  }
  signal?.throwIfAborted();
  let verification: ExportVerification | undefined;
  if (typeof preview !== 'string') {
    report('reload');
    verification = await verify(parts, preview, packed.modelBytes, data, () => report('verify'));
    signal?.throwIfAborted();
  }
  const graph: ExportedFile = { name: graphName, blob: new Blob([packed.modelBytes as Uint8Array<ArrayBuffer>]) };
  let main = graph;
  if (zipped) {
    const entries = await zipEntries(parts, [graph, ...data]);
    main = {
      name: fileName,
      blob: await zipBlob(entries, (bytes) => report('pack', bytes, entries.sizeBytes), signal),
    };
  }
  if (place) main = await save(place, main, 'save', false);
  let teacherFileBytes = denoiser.bytes.length;
  for (const source of denoiser.weights.values()) teacherFileBytes += source.sizeBytes;
  return {
    files: zipped ? [main] : [main, ...data],
    planJson: planJson(description.name, plan),
    totals: { teacher: tree.totals, student: countTotals(student, types) },
    fileBytes: packed.modelBytes.length + data.reduce((sum, { blob }) => sum + blob.size, 0),
    teacherFileBytes,
    ...(verification ? { verification } : {}),
    ...(typeof preview === 'string' ? { unverified: preview } : {}),
  };
}

const REPORT_EVERY_MS = 100;

/** A report for each chunk would cost the page more than the chunk: the first and last of a phase, and some between. */
function reporter(onProgress: ExportPlanRequest['onProgress']): Report {
  let last: { readonly phase: ExportProgress['phase']; readonly atMs: number } | undefined;
  return (phase, loadedBytes = 0, totalBytes = 0) => {
    const atMs = performance.now();
    if (last?.phase === phase && loadedBytes < totalBytes && atMs - last.atMs < REPORT_EVERY_MS) return;
    last = { phase, atMs };
    onProgress?.({ phase, loadedBytes, totalBytes });
  };
}

/** The browser copies a piece of a Blob without the page: twice as quick as bytes that the page read (Chromium 156). */
const PIECE_BYTES = 8 * 2 ** 20;

async function writePieces(
  blob: Blob,
  writer: ExportFileWriter,
  onWritten: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  onWritten(0);
  for (let offset = 0; offset < blob.size; offset += PIECE_BYTES) {
    signal?.throwIfAborted();
    const piece = blob.slice(offset, offset + PIECE_BYTES);
    await writer.write(piece);
    onWritten(offset + piece.size);
  }
}

/** A model that does not run as it is says nothing of its student: the reason then, and the export goes on without the comparison. */
async function previewOrReason(parts: OpenedParts, { plan, settings }: ExportPlanRequest): Promise<Preview | string> {
  try {
    return await previewStudent(parts, await firstCall(parts, settings), plan);
  } catch (thrown) {
    if (thrown instanceof StudioError && thrown.code === 'engine/run-failed') return thrown.message;
    throw thrown;
  }
}

async function verify(
  parts: OpenedParts,
  preview: Preview,
  modelBytes: Uint8Array,
  data: readonly ExportedFile[],
  loaded: () => void,
): Promise<ExportVerification> {
  const externalData = new Map(data.map(({ name, blob }) => [name, blobSource(blob)]));
  const file = { what: `the exported ${parts.description.denoiser.modelPath}`, modelBytes, externalData };
  const { maxDifference, meanDifference, cutEffect } = await verifyStudent(parts, preview, file, loaded);
  return { maxDifference, meanDifference, cutEffect, backend: parts.runtime.backend === 'webgpu' ? 'webgpu' : 'wasm' };
}

export function planJson(model: string, plan: Plan): string {
  return JSON.stringify({ model, dropped: plan.dropped }, null, 2) + '\n';
}
