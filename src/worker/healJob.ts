/**
 * Healing as a job of the worker: begun or gone on with, kept from step to step so that a reload, a killed tab or a lost
 * device costs no more than the last seconds, and its weights kept at the end. How it learns is the studio's.
 */
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import { heal } from '../studio/healing/heal';
import { decodeCheckpoint } from '../studio/healing/healCheckpoint';
import type { HealCurves, HealSummary, HeldOutPoint } from '../studio/healing/healData';
import type { CheckpointOptions } from '../studio/healing/healOptions';
import type { Pipeline } from '../studio/Pipeline';
import { TEACHER, type WeightsId } from '../studio/Variant';
import { addTrainedWeights, weightsFile } from '../studio/weightsFile';
import type { HealJobOutcome, HealJobRequest } from './healJobData';
import { checkpointId, type HealStore, openHealStore, thinned } from './healStore';
import type { JobContext } from './jobLanes';
import type { PipelineName } from './pipelineName';
import { loadStoredWeights } from './storedWeights';

export interface HealJobContext extends JobContext<'heal'> {
  readonly onBusy: (busy: boolean) => void;
  /** Looked at after every step: true ends it with its best. */
  readonly finish: () => boolean;
}

const CHECKPOINT_STEPS = 50;
const CHECKPOINT_MS = 30_000;

/** Throws as `heal`, and `library/missing-file` for a checkpoint that is not there. */
export async function runHealing(
  pipeline: Pipeline,
  name: PipelineName,
  request: HealJobRequest,
  context: HealJobContext,
  open: () => Promise<HealStore> = openHealStore,
): Promise<HealJobOutcome> {
  const { edit, settings, clip, pictures } = request;
  const { signal, onProgress, turn, onBusy, finish } = context;
  const variant = { edits: { denoiser: edit } };
  await loadStoredWeights(pipeline, name, variant, open);
  const fingerprint = await name.get();
  const resume = request.from === undefined ? undefined : await checkpointOf(request.from, open);
  const measured: HeldOutPoint[] = [];
  if (resume) {
    const { curves, seconds } = decodeCheckpoint(resume);
    measured.push(...curves.heldOut);
    onProgress({ phase: 'resumed', curves, seconds });
  }
  if (clip) {
    const takes = [TEACHER, variant].map((one) => ({ variant: one, settings: clip }));
    const [teacher, before] = (await pipeline.sample({ takes, previewEvery: 0 }, { signal })).clips;
    onProgress({ phase: 'first-clips', teacher: present(teacher), before: present(before) });
    await turn();
  }
  const head = { fingerprint, model: pipeline.description.name, edit, settings };
  const id = await checkpointId(head);
  const { tensors, ...summary } = await heal(pipeline, edit, settings, {
    signal,
    turn,
    finish,
    onBusy,
    onProgress: (progress) => {
      if (progress.heldOut) measured.push(progress.heldOut);
      onProgress(progress);
    },
    checkpoint: keeping(context, async (bytes, { step, of }) => {
      const { checkpoints } = await open();
      await checkpoints.write(id, { ...head, step, of, ...extremes(measured) }, bytes);
    }),
    ...(resume ? { resume } : {}),
    ...(clip ? { clip } : {}),
    ...(pictures ? { pictures } : {}),
  });
  if (tensors.size === 0) {
    await forget(id, open);
    return summary;
  }
  const weights = await addTrainedWeights(pipeline.denoiser, edit.weights, tensors);
  const unstored = await keep(pipeline, weights, fingerprint, summary, open);
  await forget(id, open);
  return { ...summary, weights, ...(unstored ? { unstored: unstored.toPlain() } : {}) };
}

async function checkpointOf(id: string, open: () => Promise<HealStore>): Promise<Uint8Array> {
  const stored = await (await open()).checkpoints.read(id);
  if (stored) return stored.bytes;
  throw new StudioError('library/missing-file', 'The run that was to go on is not kept in this browser any more.', {
    id,
  });
}

/** Every so many steps or seconds. */
function keeping({ onProgress, onBusy }: HealJobContext, write: CheckpointOptions['write']): CheckpointOptions {
  let atMs = performance.now();
  return {
    everySteps: CHECKPOINT_STEPS,
    wanted: () => performance.now() - atMs > CHECKPOINT_MS,
    async write(bytes, at) {
      onBusy(true); // a cancel is heard when it is written
      try {
        await write(bytes, at);
        onProgress({ phase: 'kept', step: at.step, sizeBytes: bytes.byteLength });
      } catch (thrown) {
        // learning goes on without: what was kept before is still there, and the person is told
        onProgress({ phase: 'not-kept', problem: StudioError.from(thrown).toPlain() });
      }
      onBusy(false);
      atMs = performance.now();
    },
  };
}

function extremes(measured: HealCurves['heldOut']): { readonly before: HeldOutPoint; readonly best: HeldOutPoint } {
  const before = present(measured[0]);
  return { before, best: measured.reduce((best, point) => (point.total < best.total ? point : best), before) };
}

/** The reason where they could not be kept. */
async function keep(
  { denoiser, description }: Pipeline,
  weights: WeightsId,
  fingerprint: string,
  summary: HealSummary,
  open: () => Promise<HealStore>,
): Promise<StudioError | undefined> {
  try {
    const { students } = await open();
    const head = { fingerprint, model: description.name, edit: summary.edit, summary: thinned(summary) };
    await students.write(weights, head, weightsFile(denoiser, weights));
    return undefined;
  } catch (thrown) {
    return StudioError.from(thrown);
  }
}

/** A run that has come to its end does not go on. */
async function forget(id: string, open: () => Promise<HealStore>): Promise<void> {
  try {
    await (await open()).checkpoints.remove(id);
  } catch (thrown) {
    console.warn('A checkpoint that is not needed any more could not be removed.', thrown);
  }
}
