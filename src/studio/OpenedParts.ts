/** An opened pipeline's parts: what generation, export and verification work with. */
import type { BlockTree, Plan } from '../blocks/block';
import type { Folder } from '../library/Folder';
import type { TensorType } from '../onnx/model';
import type { Component } from '../pipeline/components';
import type { DenoiserCall, DenoiserPlan } from '../pipeline/denoiserInputs';
import type { FrameDecoder } from '../pipeline/frameDecoder';
import type { PipelineDescription } from '../pipeline/PipelineDescription';
import type { TextConditioning } from '../pipeline/textConditioning';
import type { PlainTensor, Runtime, Session, SessionModel } from '../runtime/Runtime';

export interface OpenedParts {
  readonly folder: Folder;
  readonly runtime: Runtime;
  readonly description: PipelineDescription;
  readonly denoiser: Component;
  readonly types: ReadonlyMap<string, TensorType>;
  readonly inputs: DenoiserPlan;
  readonly tree: BlockTree;
  /** Why the model cannot run here; no session is made then. */
  readonly cannotRun?: string;
  readonly text: TextConditioning | undefined;
  readonly decode: FrameDecoder;
  /** One call of the gated session under a plan; the raw output of the whole batch. */
  runDenoiser(call: DenoiserCall, plan: Plan): Promise<PlainTensor>;
  createSession(model: SessionModel): Promise<Session>;
}
