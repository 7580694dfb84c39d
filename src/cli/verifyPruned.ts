/** A written file against the studio's preview of the same plan: both run in onnxruntime on one seeded input. */
import { denoiserTypes } from '../blocks/denoiserTypes';
import { discoverBlocks } from '../blocks/discoverBlocks';
import type { Plan } from '../blocks/plan';
import { firstInput } from '../onnx/graph';
import { fusionsOn } from '../passes/fuse/fuse';
import { componentReader } from '../pipeline/components';
import { decoderBindings, decoderFeeds } from '../pipeline/frameDecoder';
import type { LatentSize } from '../pipeline/PipelineDescription';
import type { SessionModel } from '../runtime/Runtime';
import { sessionPool } from '../runtime/sessionPool';
import { boundSizes } from '../studio/boundSizes';
import { openComponent } from '../studio/openComponent';
import type { Origin } from '../studio/origin';
import { previewComponent } from '../studio/previewComponent';
import { previewStudent, type StudentCheck, verifyStudent } from '../studio/verifyStudent';
import { type DecoderOnDisk, pipelineOfDecoder } from './decoderSizes';
import { openPipelineOnDisk } from './openPipelineOnDisk';

export interface Verification extends StudentCheck {
  readonly seed: number;
}

export interface VerifyRequest {
  /** Of the seeded input. */
  readonly seed: number;
  readonly latentSize: LatentSize;
  /** What the file is to say of itself. */
  readonly origin: Origin;
  readonly signal: AbortSignal;
}

/** `original`: path of the .onnx file. Throws `engine/verification-failed`, and what opening and running throw. */
export async function verifyPruned(
  original: string,
  plan: Plan,
  written: SessionModel,
  { seed, latentSize, origin, signal }: VerifyRequest,
): Promise<Verification> {
  const around = await pipelineOfDecoder(original, latentSize);
  if (around) return verifyDecoder(around, plan, written, { seed, origin, signal });
  const pipeline = await openPipelineOnDisk(original, signal, latentSize);
  try {
    const settings = { ...pipeline.description.defaults, seed };
    const preview = await previewComponent(pipeline, 'denoiser', { plan, weights: 'original' }, settings);
    return { seed, ...(await verifyStudent(pipeline, pipeline.denoiser, preview, written, { signal, origin })) };
  } finally {
    await pipeline.release();
  }
}

/** A pipeline's decoder alone: nothing else of the pipeline is loaded. */
async function verifyDecoder(
  { folder, description, path }: DecoderOnDisk,
  plan: Plan,
  written: SessionModel,
  { seed, origin, signal }: Omit<VerifyRequest, 'latentSize'>,
): Promise<Verification> {
  const { openNodeDevice } = await import('../runtime/openNodeDevice');
  const runtime = await openNodeDevice('cpu');
  const file = await componentReader(folder, signal, undefined).read(path);
  const bindings = decoderBindings(file.model, description);
  const types = denoiserTypes(file.model, bindings);
  const pool = sessionPool(runtime.capacityBytes);
  const createSession = (model: SessionModel) => runtime.createSession(model);
  const decoder = openComponent({
    id: 'decoder',
    file,
    tree: discoverBlocks(file.model, { bindings, types, latentInput: firstInput(file.model.graph).name }),
    types,
    presets: [],
    sizes: boundSizes(file.model, bindings, description.latent.frames),
    fusions: fusionsOn(runtime.backend, runtime.distrusted),
    pool,
    createSession,
  });
  try {
    const feeds = decoderFeeds(file.model, description, seed);
    const preview = await previewStudent({ createSession }, decoder, feeds, { plan, weights: 'original' });
    return { seed, ...(await verifyStudent({ createSession }, decoder, preview, written, { signal, origin })) };
  } finally {
    await pool.close();
  }
}
