/**
 * Opens a pipeline folder: reads the graphs, discovers the blocks, and makes one gated denoiser session that serves
 * the teacher and every student, beside the text encoder's and the decoder's.
 */

import type { BlockTree, Plan, Preset } from '../blocks/block';
import { countTotals } from '../blocks/countTotals';
import { denoiserTypes } from '../blocks/denoiserTypes';
import { discoverBlocks } from '../blocks/discoverBlocks';
import { presetsFor } from '../blocks/presets';
import { resolvePlan } from '../blocks/resolvePlan';
import { StudioError } from '../errors/StudioError';
import type { Folder } from '../library/Folder';
import { sha256Hex } from '../library/sha256';
import { writeModel } from '../onnx/writeModel';
import { gate, gateFeeds } from '../passes/gate';
import { prune } from '../passes/prune';
import type { Component } from '../pipeline/components';
import { componentReader, sessionBytes } from '../pipeline/components';
import { planDenoiserInputs } from '../pipeline/denoiserInputs';
import { describePipeline } from '../pipeline/describePipeline';
import { frameDecoder } from '../pipeline/frameDecoder';
import type { OpenProgress } from '../pipeline/OpenProgress';
import type { LatentSize, PipelineDescription } from '../pipeline/PipelineDescription';
import { openTextConditioning } from '../pipeline/textConditioning';
import type { Runtime, Session, SessionModel } from '../runtime/Runtime';
import { boolScalar } from '../runtime/tensors';
import type { ExportResult } from './exportData';
import type { ExportPlanRequest } from './exportPlan';
import { exportPlan } from './exportPlan';
import type { GenerateOptions } from './generate';
import { createGenerator } from './generate';
import type { GenerateRequest, GenerateResult } from './generateData';
import type { OpenedParts } from './OpenedParts';
import type { EngineCounters, PlanSummary } from './openedData';

export interface OpenOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: OpenProgress) => void;
  /** For a graph that leaves axes of the latent free. */
  readonly latentSize?: LatentSize;
  /** Opens it without any session: what the runtime said when it was to run. */
  readonly withoutRunning?: string;
}

export interface PipelineRunner {
  readonly description: PipelineDescription;
  readonly tree: BlockTree;
  readonly presets: readonly Preset[];
  /** SHA-256 of the denoiser's graph file, hex. */
  readonly fingerprint: string;
  readonly cannotRun?: string;
  readonly parts: OpenedParts;
  /** Sessions and denoiser runs since the pipeline was opened. */
  counters(): Pick<EngineCounters, 'sessionsCreated' | 'denoiserRuns'>;
  summarise(plan: Plan): PlanSummary;
  generate(request: GenerateRequest, options?: GenerateOptions): Promise<GenerateResult>;
  exportModel(request: ExportPlanRequest): Promise<ExportResult>;
  release(): Promise<void>;
}

/** Throws what reading (`library/*`, `onnx/*`, `blocks/*`) and the runtime (`engine/*`, `gpu/*`) throw; releases what it made then. */
export async function openPipeline(
  folder: Folder,
  runtime: Runtime,
  options: OpenOptions = {},
): Promise<PipelineRunner> {
  const sessions: Session[] = [];
  try {
    return await openParts(folder, runtime, options, sessions);
  } catch (error) {
    for (const session of sessions) await session.release();
    throw error;
  }
}

async function openParts(
  folder: Folder,
  runtime: Runtime,
  { signal, onProgress, latentSize, withoutRunning }: OpenOptions,
  sessions: Session[],
): Promise<PipelineRunner> {
  const counts = { sessionsCreated: 0, denoiserRuns: 0 };
  const reader = componentReader(folder, signal, onProgress);
  const described = await describePipeline(folder, async (path) => (await reader.read(path)).model, latentSize);
  const denoiser = await reader.read(described.denoiser.modelPath);
  const report = (phase: OpenProgress['phase'], what: string) =>
    onProgress?.({ phase, what, loadedBytes: 0, totalBytes: 0 });
  report('discover', denoiser.path);
  const inputs = planDenoiserInputs(denoiser.model, described, described.textEncoder?.maxTokens);
  const description = { ...described, notes: [...described.notes, ...inputs.notes] };
  const { bindings } = inputs;
  const types = denoiserTypes(denoiser.model, bindings);
  const tree = discoverBlocks(denoiser.model, { bindings, types, latentInput: description.denoiser.latentInput });
  const cannotRun =
    tooLarge(denoiser, runtime) ?? (withoutRunning === undefined ? undefined : `${withoutRunning} ${STILL_WORKS}`);
  const createSession = async (model: SessionModel): Promise<Session> => {
    const session = await runtime.createSession(model);
    counts.sessionsCreated++;
    return session;
  };
  const open = async (what: string, modelBytes: Uint8Array, externalData: Component['weights']): Promise<Session> => {
    signal?.throwIfAborted();
    report('session', what);
    const session = await createSession({ what, modelBytes, externalData });
    sessions.push(session);
    return session;
  };
  const gated = cannotRun === undefined ? gate(denoiser.model, tree) : undefined;
  const denoiserSession = gated && (await open(denoiser.path, writeModel(gated.model), denoiser.weights));
  const encoder = gated && description.textEncoder && (await reader.read(description.textEncoder.modelPath));
  const decoder = gated && description.decoder && (await reader.read(description.decoder.modelPath));
  const encoderSession = encoder && (await open(encoder.path, sessionBytes(encoder), encoder.weights));
  const decoderSession = decoder && (await open(decoder.path, sessionBytes(decoder), decoder.weights));
  const parts: OpenedParts = {
    folder,
    runtime,
    description,
    denoiser,
    types,
    inputs,
    tree,
    ...(cannotRun === undefined ? {} : { cannotRun }),
    text: await openTextConditioning(folder, description, encoder?.model, encoderSession),
    decode: frameDecoder(description, decoder?.model, decoderSession),
    createSession,
    async runDenoiser(call, plan) {
      if (!gated || !denoiserSession) throw new StudioError('engine/cannot-run', cannotRun ?? '');
      const keeps = [...gateFeeds(gated.gates, tree, plan)].map(([name, keep]) => [name, boolScalar(keep)] as const);
      counts.denoiserRuns++;
      const output = denoiser.model.graph.outputs[0]!.name;
      return (await denoiserSession.run({ ...inputs.feeds(call), ...Object.fromEntries(keeps) }, [output]))[output]!;
    },
  };
  return {
    description,
    tree,
    presets: presetsFor(tree),
    fingerprint: await sha256Hex(denoiser.bytes),
    ...(cannotRun === undefined ? {} : { cannotRun }),
    parts,
    counters: () => ({ ...counts }),
    summarise: (plan) => summarise(parts, plan),
    generate: createGenerator(parts),
    exportModel: (request) => exportPlan(parts, request),
    release: async () => {
      for (const session of sessions.splice(0)) await session.release();
    },
  };
}

const STILL_WORKS = 'Its blocks, plans and exports work; clips do not.';

/** Undefined when the runtime can be expected to hold the weights. */
function tooLarge({ bytes, weights, path }: Component, runtime: Runtime): string | undefined {
  let sizeBytes = bytes.length;
  for (const source of weights.values()) sizeBytes += source.sizeBytes;
  if (sizeBytes <= runtime.capacityBytes) return undefined;
  const gigabytes = (count: number) => `${(count / 1e9).toFixed(2)} GB`;
  return `${path} has ${gigabytes(sizeBytes)} of weights; this tab can run ${gigabytes(runtime.capacityBytes)}. ${STILL_WORKS} The command line makes them.`;
}

function summarise({ denoiser, tree, types }: OpenedParts, plan: Plan): PlanSummary {
  const { goneIds } = resolvePlan(tree, plan);
  // Surgery changes no shape of what stays: the teacher's types serve the student.
  return { teacher: tree.totals, student: countTotals(prune(denoiser.model, tree, plan), types), goneIds };
}
