/**
 * A student as files. Before they are handed out the written graph is read afresh and compared with the pruned one,
 * weight by weight and byte by byte; it is loaded, run on the same input as the gated session, and compared with that
 * too. A model that does not run here is handed out without the latter, and says so.
 *
 * For a download nothing is copied: the files are Blobs made of ranges of the opened ones, which the browser reads
 * when it saves them.
 *
 * In a place that the person picked, the weights come first, are read from there for the comparison, and the graph
 * (or the zip) is written last: no name that a person would open ever belongs to a file that was not compared, and
 * a file that is replaced stays until then. It is read back byte for byte before success is said, and so are weights
 * that were not compared. Whatever goes wrong, and a cancel, removes all that was written.
 */

import { countTotals } from '../blocks/countTotals';
import type { ComponentId } from '../blocks/plan';
import { writePlanFile } from '../blocks/planText';
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import { blobSource } from '../onnx/blobSource';
import { prune } from '../passes/prune';
import { studentName } from '../pipeline/studentName';
import type { SessionModel } from '../runtime/Runtime';
import { checkStudentFile } from './checkStudentFile';
import type {
  ExportedFile,
  ExportProgress,
  ExportRequest,
  ExportResult,
  ExportVerification,
  PickedPlace,
} from './exportData';
import type { GenerateSettings } from './GenerateSettings';
import { type Origin, withOrigin } from './origin';
import type { OpenedComponent, Pipeline, ProgressOptions } from './Pipeline';
import { createFile, type ExportFileWriter, freeName, readBack } from './pickedFiles';
import { previewComponent } from './previewComponent';
import { type ModelSink, saveModel } from './saveModel';
import { studentTexts } from './studentFolder';
import { editOf, planOf, type Variant } from './Variant';
import { type Preview, type VerifyOptions, verifyStudent } from './verifyStudent';
import { zipBlob, zipEntries } from './zipPipeline';

type Report = (phase: ExportProgress['phase'], loadedBytes?: number, totalBytes?: number) => void;

/** What one export works with. */
interface Job {
  readonly pipeline: Pipeline;
  readonly request: ExportRequest;
  readonly signal: AbortSignal | undefined;
  readonly report: Report;
  /** Files begun in a picked place: what goes wrong removes them. */
  readonly begun: ExportFileWriter[];
}

/**
 * Throws `engine/verification-failed` when the file does not do what the preview did; nothing is handed out then.
 * With a place: `library/write-refused`, `library/write-failed`, `library/quota`.
 */
export async function exportStudent(
  pipeline: Pipeline,
  request: ExportRequest,
  { signal, onProgress }: ProgressOptions<ExportProgress> = {},
): Promise<ExportResult> {
  const job: Job = { pipeline, request, signal, report: reporter(onProgress), begun: [] };
  try {
    return await (request.format === 'pipeline-zip' ? exportZip(job) : exportGraph(job));
  } catch (thrown) {
    for (const file of job.begun) await file.discard();
    throw thrown;
  }
}

/** One component as a graph, with its weights inside or beside it. */
async function exportGraph(job: Job): Promise<ExportResult> {
  const { place, format, component: id = 'denoiser' } = job.request;
  const wanted = stemOf(job, id);
  const baseName = place?.kind === 'folder' ? await freeName(place.handle, wanted, ['.onnx', '.onnx.data']) : wanted;
  const graphName = place?.kind === 'file' ? place.handle.name : `${baseName}.onnx`;
  const written = await writeComponent(job, id, graphName, format === 'onnx-external', place);
  return resultOf(job, id, [written], written.files);
}

/** The whole pipeline; the denoiser and every edited component are pruned in it. */
async function exportZip(job: Job): Promise<ExportResult> {
  const { pipeline, request, report, signal } = job;
  const { variant, place } = request;
  const ids: readonly ComponentId[] = variant.edits.decoder ? ['denoiser', 'decoder'] : ['denoiser'];
  const written: WrittenComponent[] = [];
  for (const id of ids) {
    const { file } = pipeline.component(id);
    const graphName = present(file.path.split('/').at(-1));
    written.push(await writeComponent(job, id, graphName, file.weights.size > 0, undefined));
  }
  const name = place?.kind === 'file' ? place.handle.name : `${await zipName(place, stemOf(job, 'denoiser'))}.zip`;
  const entries = await zipEntries(
    pipeline,
    written.map(({ component, files }) => ({ file: component.file, files })),
    await studentTexts(
      pipeline,
      planOf(variant),
      editOf(variant, 'denoiser').weights === 'original' ? '' : 'It was healed.',
    ),
  );
  const blob = await zipBlob(entries, (bytes) => report('pack', bytes, entries.sizeBytes), signal);
  const zip = place ? await save(job, place, { name, blob }, 'save', false) : { name, blob };
  return resultOf(job, 'denoiser', written, [zip]);
}

/** The name that was asked for, or one of the model, the cut and the component. */
const stemOf = ({ pipeline, request: { name, variant } }: Job, id: ComponentId): string =>
  name ?? studentName(pipeline.description.name, planOf(variant).dropped) + (id === 'denoiser' ? '' : `-${id}`);

const zipName = async (place: PickedPlace | undefined, wanted: string): Promise<string> =>
  place?.kind === 'folder' ? freeName(place.handle, wanted, ['.zip']) : wanted;

/** A pruned component, compared with the preview where that can run. */
interface WrittenComponent {
  readonly component: OpenedComponent;
  /** The graph first. */
  readonly files: readonly ExportedFile[];
  readonly totals: ExportResult['totals'];
  readonly verification?: ExportVerification;
  readonly unverified?: string;
}

async function writeComponent(
  job: Job,
  id: ComponentId,
  graphName: string,
  external: boolean,
  place: PickedPlace | undefined,
): Promise<WrittenComponent> {
  const { pipeline, request, report, signal } = job;
  const component = pipeline.component(id);
  const edit = editOf(request.variant, id);
  const preview = pipeline.cannotRun ?? (await previewOrReason(pipeline, id, request.variant, request.settings));
  report('prune');
  const origin: Origin = { model: pipeline.description.name, ...edit, settings: request.settings };
  const student = withOrigin(prune(component.modelOf(edit.weights), component.tree, edit.plan), origin);
  let verification: ExportVerification | undefined;
  const check = async (file: SessionModel): Promise<void> => {
    report('reload');
    if (typeof preview === 'string') await checkStudentFile(component, edit, file, { signal, origin });
    else
      verification = await verify(pipeline, component, preview, file, {
        signal,
        origin,
        loaded: () => report('verify'),
      });
  };
  const sink = exportSink(job, graphName, place, typeof preview !== 'string');
  const { files } = await saveModel(student, component.externalData, sink, {
    layout: external ? { kind: 'external', location: `${graphName}.data` } : { kind: 'single' },
    what: `the exported ${component.file.path}`,
    signal,
    check,
  });
  return {
    component,
    files,
    totals: { teacher: component.tree.totals, student: countTotals(student, component.types) },
    ...(verification ? { verification } : {}),
    ...(typeof preview === 'string' ? { unverified: preview } : {}),
  };
}

/** Blobs for a download, or files of the picked place: the weights there at once, the graph when all was found right. */
function exportSink(
  job: Job,
  graphName: string,
  place: PickedPlace | undefined,
  weightsAreCompared: boolean,
): ModelSink<ExportedFile> {
  const weights: ExportedFile[] = [];
  let graph = new Blob();
  return {
    async putWeights({ name, blob }) {
      const file = { name, blob: await blob() };
      const put = place ? await save(job, place, file, 'write', weightsAreCompared) : file;
      weights.push(put);
      return blobSource(put.blob);
    },
    async putGraph(bytes) {
      graph = new Blob([bytes as Uint8Array<ArrayBuffer>]);
      return bytes;
    },
    async commit() {
      const file = { name: graphName, blob: graph };
      return [place ? await save(job, place, file, 'save', false) : file, ...weights];
    },
  };
}

async function save(
  { begun, report, signal }: Job,
  to: PickedPlace,
  { name, blob }: ExportedFile,
  phase: 'write' | 'save',
  comparedLater: boolean,
): Promise<ExportedFile> {
  const writer = await createFile(to, name, blob.size);
  begun.push(writer);
  await writePieces(blob, writer, (bytes) => report(phase, bytes, blob.size), signal);
  const saved = { name, blob: await writer.finish() };
  if (!comparedLater) await readBack(saved, blob, (bytes) => report('save', bytes, blob.size), signal);
  return saved;
}

/** Figures of the component that was asked for; a zip is verified when each of its components is. */
function resultOf(
  { pipeline, request }: Job,
  id: ComponentId,
  written: readonly WrittenComponent[],
  files: readonly ExportedFile[],
): ExportResult {
  const main = present(written.find(({ component }) => component.id === id));
  const bytes = (all: readonly ExportedFile[]) => all.reduce((sum, { blob }) => sum + blob.size, 0);
  const { file } = main.component;
  const verifications = written.flatMap(({ verification }) => verification ?? []);
  const worst = verifications.toSorted((a, b) => b.maxDifference - a.maxDifference)[0];
  const unverified = written.find((one) => one.unverified !== undefined)?.unverified;
  return {
    files,
    planJson: planJson(pipeline.description.name, request.variant),
    totals: main.totals,
    fileBytes: bytes(main.files),
    teacherFileBytes: [...file.weights.values()].reduce((sum, source) => sum + source.sizeBytes, file.bytes.length),
    ...(worst && unverified === undefined ? { verification: worst } : {}),
    ...(unverified === undefined ? {} : { unverified }),
  };
}

const REPORT_EVERY_MS = 100;

/** A report for each chunk would cost the page more than the chunk: the first and last of a phase, and some between. */
function reporter(onProgress: ProgressOptions<ExportProgress>['onProgress']): Report {
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

/** A model that does not run as it is, or gives no numbers, says nothing of its student: the reason then, and the export goes on without that comparison. */
async function previewOrReason(
  pipeline: Pipeline,
  id: ComponentId,
  variant: Variant,
  settings: GenerateSettings,
): Promise<Preview | string> {
  try {
    return await previewComponent(pipeline, id, editOf(variant, id), settings);
  } catch (thrown) {
    const codes = ['engine/run-failed', 'engine/not-finite'];
    if (thrown instanceof StudioError && codes.includes(thrown.code)) return thrown.message;
    throw thrown;
  }
}

async function verify(
  pipeline: Pipeline,
  component: OpenedComponent,
  preview: Preview,
  file: SessionModel,
  options: VerifyOptions,
): Promise<ExportVerification> {
  const check = await verifyStudent(pipeline, component, preview, file, options);
  const { maxDifference, meanDifference, cutEffect, scale } = check;
  const backend = pipeline.runtime.backend === 'webgpu' ? 'webgpu' : 'wasm';
  return { maxDifference, meanDifference, cutEffect, scale, backend };
}

export function planJson(model: string, variant: Variant): string {
  return writePlanFile(planOf(variant), { model });
}
