/**
 * An opened pipeline: what sampling, export, verification and everything that measures work with. Its components can
 * be run under any variant; sessions are found by weights, so that a plan never makes one.
 */

import type { BlockTree } from '../blocks/block';
import type { ComponentId, Plan } from '../blocks/plan';
import type { Preset } from '../blocks/presets';
import type { Folder } from '../library/Folder';
import type { Clip } from '../metrics/Clip';
import type { ByteSource } from '../onnx/ByteSource';
import type { Model, Tensor, TensorType } from '../onnx/model';
import type { GatedModel } from '../passes/gate';
import type { Component } from '../pipeline/components';
import type { DenoiserCall, DenoiserPlan } from '../pipeline/denoiserInputs';
import type { ImageConditioning } from '../pipeline/imageConditioning';
import type { PipelineDescription } from '../pipeline/PipelineDescription';
import type { TextConditioning } from '../pipeline/textConditioning';
import type { Feeds, PlainTensor, Runtime, Session, SessionModel } from '../runtime/Runtime';
import type { ExportProgress, ExportRequest, ExportResult } from './exportData';
import type { EngineCounters, PlanSummary } from './openedData';
import type { SampleProgress, SampleRequest, SampleResult } from './sampleData';
import type { Edit, Variant, WeightsId } from './Variant';

/** A component with its blocks: mapped, and runnable under any edit unless the pipeline cannot run here. */
export interface OpenedComponent {
  readonly id: ComponentId;
  readonly file: Component;
  readonly tree: BlockTree;
  readonly types: ReadonlyMap<string, TensorType>;
  readonly presets: readonly Preset[];
  /** The graph with a set of weights. Throws `engine/no-weights`. */
  modelOf(weights: Edit['weights']): Model;
  /** Weights files of `modelOf`, by location. */
  readonly externalData: ReadonlyMap<string, ByteSource>;
  /** Makes the gated session of a set of weights, where it is not there yet. Throws what making sessions throws. */
  prepare(weights: Edit['weights']): Promise<void>;
  /** One call of the gated session under an edit, with any of the graph's outputs. Throws `engine/cannot-run`, `engine/no-weights` and what running throws. */
  run(edit: Edit, feeds: Feeds, outputs: readonly string[]): Promise<Readonly<Record<string, PlainTensor>>>;
  /** As `run`, in a session of its own without the runtime's optimisations, which is released then. For comparisons. */
  runUnoptimised: OpenedComponent['run'];
  /**
   * The graphs that its sessions run for calls of such feeds, without gates and with them, and the types of their
   * values: what partial graphs are cut from. Null where such a call runs on the graph as the file has it.
   */
  graphsFor(feeds: Feeds): RunGraphs | null;
  /**
   * Another set of weights for this component: tensors by the initializer's name, each of its type and dimensions.
   * The same content gives the same id. Throws `engine/no-weights` for a name or shape that the graph does not have.
   */
  addWeights(tensors: ReadonlyMap<string, Tensor>): Promise<WeightsId>;
  /** Every set that was added and not removed, to be added again after the pipeline was opened anew. */
  addedWeights(): ReadonlyMap<WeightsId, ReadonlyMap<string, Tensor>>;
  /** Forgets a set of weights and releases its session. */
  removeWeights(id: WeightsId): Promise<void>;
}

export interface RunGraphs {
  readonly whole: Model;
  readonly gated: GatedModel;
  readonly types: ReadonlyMap<string, TensorType>;
}

export interface ProgressOptions<Progress> {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Pipeline {
  readonly folder: Folder;
  readonly runtime: Runtime;
  readonly description: PipelineDescription;
  /** Every graph that it runs, the denoiser's first; that alone where it cannot run. */
  readonly files: readonly Component[];
  readonly denoiser: OpenedComponent;
  /** Absent where the pipeline has no decoder, or one whose blocks cannot be told. */
  readonly decoder?: OpenedComponent;
  readonly inputs: DenoiserPlan;
  /** Why the model cannot run here; no session is made then. */
  readonly cannotRun?: string;
  readonly text: TextConditioning | undefined;
  /** Absent where the model begins with no picture. */
  readonly picture?: ImageConditioning;
  /** Whether blocks can be dropped in it. Throws `blocks/unknown-id` where the pipeline has no such component. */
  component(id: ComponentId): OpenedComponent;
  /** One call of the denoiser under a variant; the raw first output of the whole batch. Counted in `denoiserRuns`. */
  runDenoiser(call: DenoiserCall, variant: Variant): Promise<PlainTensor>;
  /** A latent in the denoiser's layout to frames, under a variant. */
  decode(latent: Float32Array, variant: Variant): Promise<Clip>;
  createSession(model: SessionModel): Promise<Session>;
  /** Sessions and denoiser runs since the pipeline was opened. */
  counters(): Pick<EngineCounters, 'sessionsCreated' | 'denoiserRuns'>;
  summarise(plan: Plan): PlanSummary;
  sample(request: SampleRequest, options?: ProgressOptions<SampleProgress>): Promise<SampleResult>;
  exportStudent(request: ExportRequest, options?: ProgressOptions<ExportProgress>): Promise<ExportResult>;
  release(): Promise<void>;
}
