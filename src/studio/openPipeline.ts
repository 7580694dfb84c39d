/**
 * Opens a pipeline folder: reads the graphs, discovers the blocks of the denoiser and of the decoder, and makes one
 * gated session each, which serve the teacher and every student of the same weights.
 */

import { countTotals } from '../blocks/countTotals';
import { denoiserTypes } from '../blocks/denoiserTypes';
import { discoverBlocks } from '../blocks/discoverBlocks';
import { misfittingReshape } from '../blocks/misfittingReshape';
import { type ComponentId, type Plan, resolvePlan, withComponent } from '../blocks/plan';
import { presetsFor } from '../blocks/presets';
import { StudioError } from '../errors/StudioError';
import type { Folder } from '../library/Folder';
import { recordReads } from '../library/recordReads';
import { firstOutput } from '../onnx/graph';
import type { Model } from '../onnx/model';
import { fusionsOn } from '../passes/fuse/fuse';
import { prune } from '../passes/prune';
import type { Component } from '../pipeline/components';
import { componentReader, sessionBytes } from '../pipeline/components';
import { planDenoiserInputs } from '../pipeline/denoiserInputs';
import { describePipeline } from '../pipeline/describePipeline';
import { frameDecoder, type RunDecoder } from '../pipeline/frameDecoder';
import { imageConditioning, type RunnableGraph } from '../pipeline/imageConditioning';
import type { OpenProgress } from '../pipeline/OpenProgress';
import type { LatentSize, PipelineDescription } from '../pipeline/PipelineDescription';
import { openTextConditioning } from '../pipeline/textConditioning';
import type { Runtime, Session, SessionModel } from '../runtime/Runtime';
import { type SessionPool, sessionPool } from '../runtime/sessionPool';
import { outputNamed } from '../runtime/tensors';
import { boundSizes } from './boundSizes';
import { decoderBlocks } from './decoderBlocks';
import { exportStudent } from './exportStudent';
import { componentBytes, openComponent, weightsNeed } from './openComponent';
import type { MappedPipeline, PlanSummary } from './openedData';
import type { OpenedComponent, Pipeline } from './Pipeline';
import { takeSampler } from './sampleTakes';
import { editOf, type Variant, variantOf } from './Variant';

export interface OpenOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: OpenProgress) => void;
  /** For a graph that leaves axes of the latent free. */
  readonly latentSize?: LatentSize;
  /** Opens it without any session: what the runtime said when it was to run. */
  readonly withoutRunning?: string;
  /** The blocks are known, the runtime and sessions not yet: the map can be shown. */
  readonly onMapped?: (mapped: MappedPipeline) => void;
}

/**
 * The folder is read and mapped while the runtime may still be on its way. Throws what reading (`library/*`, `onnx/*`,
 * `blocks/*`) and the runtime (`engine/*`, `gpu/*`) throw; releases what it made then.
 */
export async function openPipeline(
  folder: Folder,
  runtime: Runtime | Promise<Runtime>,
  options: OpenOptions = {},
): Promise<Pipeline> {
  const coming = Promise.resolve(runtime);
  coming.catch(() => undefined); // told below, unless the folder fails first
  // what cannot be listed is known by what was read, for a zip of it
  const mapped = await mapFolder(folder.paths === null ? recordReads(folder) : folder, options);
  const ready = await coming;
  const pool = sessionPool(ready.capacityBytes);
  try {
    const opened = await openParts(mapped, ready, options, pool);
    options.signal?.throwIfAborted();
    return opened;
  } catch (error) {
    await pool.close();
    throw error;
  }
}

type MappedFolder = Awaited<ReturnType<typeof mapFolder>>;

/** What can be known without a runtime. */
async function mapFolder(folder: Folder, { signal, onProgress, latentSize, onMapped, withoutRunning }: OpenOptions) {
  const reader = componentReader(folder, signal, onProgress);
  const readGraph = async (path: string) => (await reader.read(path)).model;
  const anyGraph = withoutRunning !== undefined;
  const described = await describePipeline(folder, readGraph, latentSize, { anyGraph });
  const file = await reader.read(described.denoiser.modelPath);
  onProgress?.({ phase: 'discover', what: file.path, loadedBytes: 0, totalBytes: 0 });
  const { inputs, types } = planCalls(file.model, described);
  const description = { ...described, notes: [...described.notes, ...inputs.notes] };
  const { bindings } = inputs;
  const { latentInput } = description.denoiser;
  const tree = discoverBlocks(file.model, { bindings, types, ...(description.other ? {} : { latentInput }) });
  const presets = presetsFor(tree);
  onMapped?.({ description, tree, presets });
  signal?.throwIfAborted();
  return { folder, reader, file, inputs, description, types, tree, presets };
}

const ONE_CLIP =
  'The graph leaves the number of clips in a call open, and holds for one alone: with guidance it is called once for each branch.';

/** A graph that leaves the number of clips open and yet holds for one alone (exporters write that one down) is called with one. */
function planCalls(model: Model, description: PipelineDescription) {
  const plan = (mostClips?: number) => {
    const inputs = planDenoiserInputs(model, description, description.textEncoder?.maxTokens, mostClips);
    return { inputs, types: denoiserTypes(model, inputs.bindings) };
  };
  const usual = plan();
  if (usual.inputs.batch === 1 || !misfittingReshape(model, usual.types)) return usual;
  const { inputs, types } = plan(1);
  return misfittingReshape(model, types) ? usual : { inputs: { ...inputs, notes: [...inputs.notes, ONE_CLIP] }, types };
}

async function openParts(
  { folder, reader, file, inputs, description: mapped, types, tree, presets }: MappedFolder,
  runtime: Runtime,
  { signal, onProgress, withoutRunning }: OpenOptions,
  pool: SessionPool,
): Promise<Pipeline> {
  const counts = { sessionsCreated: 0, denoiserRuns: 0 };
  const files: Component[] = [file];
  const readPart = async (path: string): Promise<Component> => {
    const part = await reader.read(path);
    files.push(part);
    return part;
  };
  const report = (phase: OpenProgress['phase'], what: string) =>
    onProgress?.({ phase, what, loadedBytes: 0, totalBytes: 0 });
  const cannotRun =
    tooLarge(file, runtime) ?? (withoutRunning === undefined ? undefined : `${withoutRunning} ${STILL_WORKS}`);
  const createSession = async (model: SessionModel): Promise<Session> => {
    const session = await runtime.createSession(model);
    counts.sessionsCreated++;
    return session;
  };
  const fusions = fusionsOn(runtime.backend, runtime.distrusted);
  const common = { pool, createSession, fusions, ...(cannotRun === undefined ? {} : { cannotRun }) };
  const denoiser = openComponent({
    ...common,
    id: 'denoiser',
    file,
    tree,
    types,
    presets,
    sizes: boundSizes(file.model, inputs.bindings, inputs.batch),
  });

  const runs = cannotRun === undefined;
  const encoder = runs && mapped.textEncoder && (await readPart(mapped.textEncoder.modelPath));
  const { decoderFile, description } = await readDecoder(mapped, runs ? readPart : undefined);
  const decoder = decoderFile ? mapDecoder(decoderFile, description, common) : undefined;
  const open = async (of: Component): Promise<Session> => {
    signal?.throwIfAborted();
    report('session', of.path);
    return pool.use(of.path, {
      sizeBytes: componentBytes(of),
      pinned: true,
      create: () => createSession({ what: of.path, modelBytes: sessionBytes(of), externalData: of.weights }),
    });
  };
  if (runs) await warm(denoiser, report, signal);
  const encoderSession = encoder ? await open(encoder) : undefined;
  const decoderSession = decoderFile && !decoder ? await open(decoderFile) : undefined;
  if (decoder) await warm(decoder, report, signal);
  const runnable = async (path: string | undefined): Promise<RunnableGraph | undefined> => {
    if (!runs || path === undefined) return undefined;
    const component = await readPart(path);
    return { model: component.model, session: await open(component) };
  };
  const { image } = description;
  const pooled = await runnable(description.pooledEncoder?.modelPath);
  const vaeEncoder = await runnable(image?.vaeEncoderPath);
  const imageEncoder = await runnable(image?.encoder?.modelPath);
  const picture =
    image && vaeEncoder && imageConditioning(image, description.latent.channels, vaeEncoder, imageEncoder);
  const decodeUnder = (variant: Variant): RunDecoder | undefined => {
    if (decoder) return (feeds, outputs) => decoder.run(editOf(variant, 'decoder'), feeds, outputs);
    return decoderSession && ((feeds, outputs) => decoderSession.run(feeds, outputs));
  };

  const pipeline: Pipeline = {
    folder,
    runtime,
    description,
    files,
    denoiser,
    ...(decoder ? { decoder } : {}),
    inputs,
    ...(cannotRun === undefined ? {} : { cannotRun }),
    text: await openTextConditioning(folder, description, encoder ? encoder.model : undefined, encoderSession, pooled),
    ...(picture ? { picture } : {}),
    component: (id) => componentOf(pipeline, id),
    async runDenoiser(call, variant) {
      if (cannotRun !== undefined) throw new StudioError('engine/cannot-run', cannotRun);
      counts.denoiserRuns++;
      const output = firstOutput(file.model.graph).name;
      return outputNamed(await denoiser.run(editOf(variant, 'denoiser'), inputs.feeds(call), [output]), output);
    },
    decode: (latent, variant) =>
      frameDecoder(description, decoderFile ? decoderFile.model : undefined, decodeUnder(variant))(latent),
    createSession,
    counters: () => ({ ...counts }),
    summarise: (plan) => summarise(pipeline, plan),
    sample: (request, sampleOptions) => sample(request, sampleOptions),
    exportStudent: (request, exportOptions) => exportStudent(pipeline, request, exportOptions),
    release: () => pool.close(),
  };
  const sample = takeSampler(pipeline);
  return pipeline;
}

/** Makes the session of the original weights now, so that the first clip does not wait for it. */
async function warm(
  component: OpenedComponent,
  report: (phase: OpenProgress['phase'], what: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  report('session', component.file.path);
  await component.prepare('original');
}

/** The decoder's graph. One whose weights did not come with it is left out, and the description says so: the rest works without. */
async function readDecoder(
  description: PipelineDescription,
  readPart: ((path: string) => Promise<Component>) | undefined,
): Promise<{ readonly description: PipelineDescription; readonly decoderFile?: Component }> {
  if (!description.decoder || !readPart) return { description };
  try {
    return { description, decoderFile: await readPart(description.decoder.modelPath) };
  } catch (error) {
    if (!(error instanceof StudioError) || error.code !== 'onnx/missing-external-data') throw error;
    const { decoder: _, ...rest } = description;
    const decoderLacks = error.message;
    return { description: { ...rest, decoderLacks, notes: [...rest.notes, `Clips are latents: ${decoderLacks}`] } };
  }
}

/** A decoder whose blocks cannot be told is run as it is. */
function mapDecoder(
  file: Component,
  description: PipelineDescription,
  common: Pick<Parameters<typeof openComponent>[0], 'pool' | 'createSession' | 'cannotRun' | 'fusions'>,
): OpenedComponent | undefined {
  const found = decoderBlocks(file.model, description);
  if (!found) return undefined;
  const { tree, types, bindings } = found;
  const sizes = boundSizes(file.model, bindings, description.latent.frames);
  return openComponent({ ...common, id: 'decoder', file, tree, types, presets: presetsFor(tree), sizes });
}

function componentOf({ denoiser, decoder }: Pipeline, id: ComponentId): OpenedComponent {
  if (id === 'denoiser') return denoiser;
  if (decoder) return decoder;
  throw new StudioError('blocks/unknown-id', 'This pipeline has no decoder whose blocks can be dropped.', {
    component: id,
  });
}

const STILL_WORKS = 'Its blocks, plans and exports work; clips do not.';

/** Undefined when the runtime can be expected to hold the weights. */
function tooLarge(file: Component, runtime: Runtime): string | undefined {
  const need = weightsNeed(file);
  const limit = runtime.refusal(need);
  if (limit === undefined) return undefined;
  const gigabytes = `${(need.totalBytes / 1e9).toFixed(2)} GB`;
  return `${file.path} has ${gigabytes} of weights. ${limit} ${STILL_WORKS} The command line makes them.`;
}

/** Figures of the denoiser, and of the decoder where the plan cuts into it. */
function summarise(pipeline: Pipeline, plan: Plan): PlanSummary {
  const variant = variantOf(plan);
  const figures = (id: ComponentId) => {
    const { file, tree, types } = pipeline.component(id);
    const own = editOf(variant, id).plan;
    // Surgery changes no shape of what stays: the teacher's types serve the student.
    const student = own.dropped.length === 0 ? tree.totals : countTotals(prune(file.model, tree, own), types);
    return {
      teacher: tree.totals,
      student,
      goneIds: resolvePlan(tree, own).goneIds.map((gone) => withComponent(id, gone)),
    };
  };
  const denoiser = figures('denoiser');
  if (!pipeline.decoder && variant.edits.decoder === undefined) return denoiser;
  const { goneIds, ...decoder } = figures('decoder');
  return { ...denoiser, goneIds: [...denoiser.goneIds, ...goneIds], decoder };
}
