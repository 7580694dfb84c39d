/**
 * A pruned student learns to do what its teacher does, from the teacher's own states, by the output's error, individual content
 * distillation and a critic. It is measured on states of other seeds before, while and after; the best is kept, the untouched
 * student included, because healing can harm.
 */
import { StudioError } from '../../errors/StudioError';
import { sha256Of } from '../../library/sha256';
import type { Picture } from '../GenerateSettings';
import type { Pipeline } from '../Pipeline';
import type { Edit } from '../Variant';
import { HealingRun } from './HealingRun';
import { decodeCheckpoint } from './healCheckpoint';
import type { HealSettings } from './healData';
import type { HealOptions, HealResult } from './healOptions';
import { stageAt } from './healSchedule';
import { createTrainer } from './trainer';

/**
 * Throws `passes/*` where the student cannot be trained, `library/missing-file` where the pictures that it learns from are not
 * given, `library/integrity` for a checkpoint of something else, and the signal's reason.
 */
export async function heal(
  pipeline: Pipeline,
  edit: Edit,
  settings: HealSettings,
  options: HealOptions = {},
): Promise<HealResult> {
  options.onProgress?.({ phase: 'graphs', done: 0, of: 1 });
  const fingerprint = await sha256Of([pipeline.denoiser.file.bytes]);
  const saved = options.resume ? decodeCheckpoint(options.resume) : undefined;
  if (settings.train === 'low-rank' && settings.stages.includes('repair'))
    throw new StudioError(
      'passes/nothing-to-train',
      'Repair changes whole layers: leave it out of the stages where a low-rank change is all that is trained.',
      {},
    );
  if (settings.fromScratch && (settings.train === 'low-rank' || settings.stages.includes('repair')))
    throw new StudioError(
      'passes/nothing-to-train',
      'From scratch whole weights are trained and none is repaired: leave out repair and low-rank.',
      {},
    );
  requirePictures(pipeline, settings, options.pictures ?? []);
  const first = stageAt(settings, saved?.step ?? 0, saved?.total ?? null);
  const trainer = await createTrainer(pipeline, edit, settings, first, options.onBusy);
  const healing = new HealingRun(pipeline, edit, settings, options, fingerprint, first, trainer);
  try {
    return await healing.run(saved);
  } finally {
    await healing.release();
  }
}

/** On a blank picture a model that begins with one does nothing that a student could learn from. */
function requirePictures({ picture }: Pipeline, settings: HealSettings, given: readonly Picture[]): void {
  const named = settings.pictures ?? [];
  if (picture && named.length === 0)
    throw new StudioError(
      'library/missing-file',
      'This model begins with a picture, and its folder has none to learn with: give one.',
      {},
    );
  const missing = named.find((key, index) => given[index]?.key !== key);
  if (missing !== undefined)
    throw new StudioError('library/missing-file', 'A picture that this run learns from is not at hand any more.', {
      picture: missing,
    });
}
