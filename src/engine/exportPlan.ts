/**
 * A student as files. Before they are handed out the written graph is loaded afresh, run on the same input as the
 * gated session, and compared with it; a model that cannot run here is handed out without that, and says so.
 */
import { Zip, ZipPassThrough } from 'fflate';
import type { Plan } from '../blocks/block';
import { countTotals } from '../blocks/countTotals';
import { StudioError } from '../errors/StudioError';
import type { ByteSource } from '../onnx/ByteSource';
import { blobSource } from '../onnx/blobSource';
import { packModel, type PackedModel } from '../onnx/packModel';
import { prune } from '../passes/prune';
import { firstCall } from './firstCall';
import type { OpenedParts } from './OpenedParts';
import type { ExportedFile, ExportProgress, ExportRequest, ExportResult, ExportVerification } from './protocol';
import { verifyStudent } from './verifyStudent';

export interface ExportPlanRequest extends ExportRequest {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ExportProgress) => void;
}

/** Throws `engine/verification-failed` when the file does not do what the preview did; nothing is handed out then. */
export async function exportPlan(parts: OpenedParts, request: ExportPlanRequest): Promise<ExportResult> {
  const { denoiser, tree, types, description, exportFiles, cannotRun } = parts;
  const { plan, format, signal } = request;
  const report = (phase: ExportProgress['phase'], loadedBytes = 0, totalBytes = 0) => request.onProgress?.({ phase, loadedBytes, totalBytes });
  report('prune');
  const student = prune(denoiser.model, tree, plan);
  const external = format === 'onnx-external' || (format === 'pipeline-zip' && denoiser.weights.size > 0);
  const baseName = `${description.name.replace(/\.onnx$/, '')}-${plan.dropped.length === 0 ? 'teacher' : 'pruned'}`;
  const graphName = format === 'pipeline-zip' ? 'model.onnx' : `${baseName}.onnx`;
  const packed = await packModel(student, denoiser.weights, external ? { kind: 'external', location: `${graphName}.data` } : { kind: 'single' });
  await exportFiles.begin();
  const graph: ExportedFile = { name: graphName, blob: new Blob([packed.modelBytes as Uint8Array<ArrayBuffer>]) };
  const data: ExportedFile[] = packed.dataLocation === undefined ? [] : [{ name: packed.dataLocation, blob: await writeWeights(parts, packed, packed.dataLocation, request) }];
  signal?.throwIfAborted();
  let verification: ExportVerification | undefined;
  if (cannotRun === undefined) {
    report('reload');
    verification = await verify(parts, request, packed.modelBytes, data, () => report('verify'));
    signal?.throwIfAborted();
  }
  const files = format === 'pipeline-zip' ? [await zipPipeline(parts, `${baseName}.zip`, [graph, ...data], report, signal)] : [graph, ...data];
  const size = (list: readonly ExportedFile[]) => list.reduce((sum, { blob }) => sum + blob.size, 0);
  let teacherFileBytes = denoiser.bytes.length;
  for (const source of denoiser.weights.values()) teacherFileBytes += source.sizeBytes;
  return {
    files,
    planJson: planJson(description.name, plan),
    totals: { teacher: tree.totals, student: countTotals(student, types) },
    fileBytes: size([graph, ...data]),
    teacherFileBytes,
    ...(verification ? { verification } : {}),
  };
}

async function writeWeights({ exportFiles }: OpenedParts, packed: PackedModel, name: string, { signal, onProgress }: ExportPlanRequest): Promise<Blob> {
  const totalBytes = packed.dataSizeBytes;
  const file = await exportFiles.create(name, totalBytes);
  let loadedBytes = 0;
  try {
    await packed.writeData(
      async (chunk) => {
        await file.write(chunk);
        loadedBytes += chunk.length;
        onProgress?.({ phase: 'write', loadedBytes, totalBytes });
      },
      signal ? { signal } : {},
    );
    return await file.finish();
  } catch (thrown) {
    await file.discard();
    throw thrown;
  }
}

async function verify(parts: OpenedParts, { plan, settings }: ExportPlanRequest, modelBytes: Uint8Array, data: readonly ExportedFile[], loaded: () => void): Promise<ExportVerification> {
  const externalData = new Map(data.map(({ name, blob }) => [name, blobSource(blob)]));
  const file = { what: `the exported ${parts.description.denoiser.modelPath}`, modelBytes, externalData };
  const { maxDifference, meanDifference, cutEffect } = await verifyStudent(parts, await firstCall(parts, settings), plan, file, loaded);
  return { maxDifference, meanDifference, cutEffect, backend: parts.runtime.backend === 'webgpu' ? 'webgpu' : 'wasm' };
}

export function planJson(model: string, plan: Plan): string {
  return JSON.stringify({ model, dropped: plan.dropped }, null, 2) + '\n';
}

const ZIP_CHUNK_BYTES = 4 * 2 ** 20;
/** Without the 64-bit extension, which the library does not write. */
const MAX_ZIP_BYTES = 2 ** 32 - 2 ** 20;

/** Every file of the folder, the denoiser's replaced. Stored, not deflated: weights do not shrink. */
async function zipPipeline(parts: OpenedParts, name: string, denoiserFiles: readonly ExportedFile[], report: (phase: 'pack', loaded: number, total: number) => void, signal: AbortSignal | undefined): Promise<ExportedFile> {
  const { folder, denoiser, exportFiles } = parts;
  const directory = denoiser.path.split('/').slice(0, -1).join('/');
  const inFolder = (file: string) => (directory === '' ? file : `${directory}/${file}`);
  const replaced = new Set([denoiser.path, ...[...denoiser.weights.keys()].map(inFolder)]);
  const others = (folder.paths ?? (await knownFiles(parts))).filter((path) => !replaced.has(path));
  const entries: { readonly path: string; readonly source: ByteSource }[] = [];
  for (const path of others) entries.push({ path, source: await folder.open(path) });
  for (const { name: file, blob } of denoiserFiles) entries.push({ path: inFolder(file), source: blobSource(blob) });
  const total = entries.reduce((sum, { source }) => sum + source.sizeBytes, 0);
  if (total > MAX_ZIP_BYTES) {
    throw new StudioError('onnx/too-large', `The zip would have ${(total / 1e9).toFixed(2)} GB, and its format ends at 4 GB. Export the denoiser with external data instead.`, { sizeBytes: total });
  }
  const output = await exportFiles.create(name, total);
  try {
    const pieces: Uint8Array[] = [];
    const zip = new Zip((error, chunk) => {
      if (error) throw error;
      pieces.push(chunk);
    });
    const flush = async () => {
      for (const piece of pieces.splice(0)) await output.write(piece);
    };
    let done = 0;
    for (const { path, source } of entries) {
      const entry = new ZipPassThrough(path);
      zip.add(entry);
      for (let offset = 0; offset < source.sizeBytes || offset === 0; offset += ZIP_CHUNK_BYTES) {
        signal?.throwIfAborted();
        const length = Math.min(ZIP_CHUNK_BYTES, source.sizeBytes - offset);
        entry.push(await source.read(offset, length), offset + length === source.sizeBytes);
        await flush();
        done += length;
        report('pack', done, total);
      }
    }
    zip.end();
    await flush();
    return { name, blob: await output.finish() };
  } catch (thrown) {
    await output.discard();
    throw thrown;
  }
}

/** For a folder that cannot be listed (plain http): what Optimum's layout may hold and what is there. */
async function knownFiles({ folder }: OpenedParts): Promise<string[]> {
  const components = ['unet', 'transformer', 'vae_decoder', 'vae_encoder', 'text_encoder', 'text_encoder_2'];
  const candidates = [
    'model_index.json',
    'README.md',
    ...components.flatMap((part) => [`${part}/model.onnx`, `${part}/config.json`]),
    ...['tokenizer.json', 'tokenizer_config.json', 'vocab.json', 'merges.txt', 'special_tokens_map.json'].map((file) => `tokenizer/${file}`),
    'scheduler/scheduler_config.json',
  ];
  const there: string[] = [];
  for (const path of candidates) if (await folder.has(path)) there.push(path);
  return there;
}

