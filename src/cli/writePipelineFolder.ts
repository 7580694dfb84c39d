/**
 * A pipeline folder with another denoiser: everything else is copied, the graph is written, read again and compared with the
 * gated session's preview before the folder gets its name. It appears whole or not at all.
 */

import { copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import { writeError } from '../library/fileErrors';
import type { Tensor } from '../onnx/model';
import type { HealSummary } from '../studio/healing/healData';
import { studentOf } from '../studio/healing/trainingGraphs';
import { type Origin, withOrigin } from '../studio/origin';
import type { Pipeline } from '../studio/Pipeline';
import { previewComponent } from '../studio/previewComponent';
import { studentTexts } from '../studio/studentFolder';
import { studioVersion } from '../studio/studioVersion';
import type { Edit } from '../studio/Variant';
import { type StudentCheck, verifyStudent } from '../studio/verifyStudent';
import { otherPaths } from '../studio/zipPipeline';
import { clearLeftovers, stageName } from './stages';
import { writeModelFile } from './writeModelFile';

export interface WrittenPipeline {
  readonly folder: string;
  readonly verification: StudentCheck;
}

export interface WritePipelineOptions {
  /** The path that the pipeline was opened from. */
  readonly from: string;
  /** Must not exist. */
  readonly out: string;
  readonly signal: AbortSignal;
  /** Goes into `healing.json` of the folder. */
  readonly summary: HealSummary;
}

/** Throws `engine/verification-failed` where the file does not do what the preview did, and as writing does. */
export async function writePipelineFolder(
  pipeline: Pipeline,
  { plan }: Edit,
  tensors: ReadonlyMap<string, Tensor>,
  { from, out, signal, summary }: WritePipelineOptions,
): Promise<WrittenPipeline> {
  const { denoiser, folder } = pipeline;
  const { file } = denoiser;
  const root = (await stat(from)).isDirectory() ? from : dirname(from);
  const edit: Edit = { plan, weights: await denoiser.addWeights(tensors) };
  const stage = join(dirname(resolve(out)), stageName());
  try {
    await clearLeftovers(dirname(resolve(out)));
    await copyOthers(pipeline, root, stage, await studentTexts(pipeline, plan, howHealed(summary)), signal);
    const target = join(stage, file.path);
    await mkdir(dirname(target), { recursive: true });
    const settings = { ...pipeline.description.defaults, seed: 1 };
    const preview = await previewComponent(pipeline, 'denoiser', edit, settings);
    const origin: Origin = { model: pipeline.description.name, ...edit, settings };
    const student = withOrigin(studentOf(pipeline, edit), origin);
    const { checked } = await writeModelFile(student, {
      from: join(root, file.path),
      out: target,
      external: file.weights.size > 0,
      signal,
      check: (written) =>
        verifyStudent(pipeline, denoiser, preview, { ...written, what: join(out, file.path) }, { signal, origin }),
    });
    const about = { version: studioVersion, model: folder.name, dropped: plan.dropped, ...summary };
    await writeFile(join(stage, 'healing.json'), JSON.stringify(about, null, 2) + '\n');
    await rename(stage, out);
    return { folder: out, verification: present(checked) };
  } catch (thrown) {
    await rm(stage, { recursive: true, force: true });
    throw thrown instanceof StudioError || signal.aborted ? thrown : writeError(thrown, out);
  } finally {
    await denoiser.removeWeights(edit.weights);
  }
}

const howHealed = ({ steps, before, best, settings: { stages } }: HealSummary): string =>
  `Healed (${stages.join(', ')}; ${steps} steps): held-out error ${before.total.toPrecision(3)} before, ${best.total.toPrecision(3)} after; see healing.json.`;

/** Every file but the denoiser's graph and weights, `texts` as given. A folder's links are followed: the copy stands alone. */
async function copyOthers(
  pipeline: Pipeline,
  root: string,
  to: string,
  texts: ReadonlyMap<string, Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(to);
  for (const [path, bytes] of texts) await writeFile(join(to, path), bytes);
  for (const other of await otherPaths(pipeline, [pipeline.denoiser.file])) {
    if (texts.has(other)) continue;
    signal.throwIfAborted();
    await mkdir(dirname(join(to, other)), { recursive: true });
    await copyFile(join(root, other), join(to, other));
  }
}
