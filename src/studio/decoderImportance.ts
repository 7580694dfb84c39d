/**
 * Which blocks of the decoder matter: each switched off alone, and what that does to the frames that are decoded from
 * the teacher's own final latents, split exactly into content and motion. Squared 8-bit levels, as clips are compared
 * everywhere else; the denoiser's damages are of its outputs and have another scale.
 */

import { withComponent } from '../blocks/plan';
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import type { Clip } from '../metrics/Clip';
import { clipError } from '../metrics/clipError';
import { splitError } from '../metrics/errorSplit';
import type { MedianInterval } from '../metrics/pairedTimes';
import { damageOf } from './damage';
import type { GenerateSettings } from './GenerateSettings';
import type { Importance, MeasureOptions, UnitImportance } from './importance';
import { measureTimes } from './measureTimes';
import type { Pipeline } from './Pipeline';
import { type SplitError, teacherRun } from './teacherRuns';
import { type Unit, unitsOf } from './units';
import { TEACHER, variantOf } from './Variant';

/** The decoder's layers, under the ids that they have in a plan of the whole pipeline; none where its blocks cannot be told. */
export function decoderUnits({ decoder }: Pick<Pipeline, 'decoder'>): readonly Unit[] {
  if (!decoder) return [];
  return unitsOf(decoder.tree, 'layers').map((unit) => {
    const id = withComponent('decoder', unit.id);
    return { ...unit, id, plan: { dropped: [id] } };
  });
}

/** The denoiser runs once a clip. Throws `blocks/unknown-id` without a decoder, what running throws, and the signal's reason. */
export async function measureDecoderImportance(
  pipeline: Pipeline,
  units: readonly Unit[],
  settings: readonly GenerateSettings[],
  options: MeasureOptions = {},
): Promise<Importance> {
  if (!pipeline.decoder)
    throw new StudioError('blocks/unknown-id', 'This pipeline has no decoder whose blocks can be dropped.', {
      component: 'decoder',
    });
  const { signal, turn, onProgress } = options;
  const goOn = async () => {
    await turn?.();
    signal?.throwIfAborted();
  };
  const clips: { readonly latent: Float32Array; readonly frames: Clip }[] = [];
  let calls = 0;
  for (const one of settings) {
    const { finalLatent: latent, states } = await teacherRun(pipeline, one, signal, turn);
    calls += states.length;
    await goOn();
    clips.push({ latent, frames: await pipeline.decode(latent, TEACHER) });
  }
  const measured: UnitImportance[] = [];
  for (const unit of units) {
    const variant = variantOf(unit.plan);
    const perRun: SplitError[][] = [];
    for (const { latent, frames } of clips) {
      await goOn();
      perRun.push([frameError(frames, await pipeline.decode(latent, variant))]);
    }
    const savedMs = options.times ? await savedBy(pipeline, unit, present(settings[0]), options) : null;
    measured.push({
      ...unit,
      output: damageOf(perRun),
      highNoise: null,
      lowNoise: null,
      final: null,
      finalBounds: null,
      influence: null,
      savedMs,
    });
    onProgress?.({ done: measured.length, of: units.length, unit: present(measured.at(-1)) });
  }
  return { settings, units: measured, calls };
}

function frameError(reference: Clip, candidate: Clip): SplitError {
  const { values, frames, frameLength } = clipError(reference, candidate);
  const { content, motion, total } = splitError(values, { groups: 1, frames, inner: frameLength });
  return { content, motion, total };
}

/** Of decoding a clip. */
async function savedBy(
  pipeline: Pipeline,
  { plan }: Unit,
  settings: GenerateSettings,
  { signal, turn, alone }: MeasureOptions,
): Promise<MedianInterval | null> {
  const waits = { ...(signal ? { signal } : {}), ...(turn ? { turn } : {}), ...(alone ? { alone } : {}) };
  const request = { component: 'decoder', reference: TEACHER, candidate: variantOf(plan), settings } as const;
  return (await measureTimes(pipeline, request, waits))?.savedMs ?? null;
}
