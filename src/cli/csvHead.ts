/** What a CSV file of the command line says of where its numbers come from: what the page's says too, in the same words. */
import { csvComments } from '../metrics/csvComments';
import { fingerprintOf } from '../studio/fingerprint';
import type { GenerateSettings } from '../studio/GenerateSettings';
import type { Pipeline } from '../studio/Pipeline';
import { studioVersion } from '../studio/studioVersion';
import type { NamedPlan } from './planOptions';

/** Of several clips, prompts and seeds stand in the rows: here are those of the first. `plans`: none where units are measured. */
export async function csvHead(
  pipeline: Pipeline,
  plans: readonly NamedPlan[],
  [first]: readonly GenerateSettings[],
): Promise<string> {
  const dropped = ({ name, plan }: NamedPlan) =>
    [plans.length === 1 ? 'dropped' : `dropped_${name.replaceAll(/[\s,]+/g, '_')}`, plan.dropped.join(' ')] as const;
  return csvComments([
    ['version', studioVersion],
    ['model', pipeline.description.name],
    ['model_sha256', await fingerprintOf(pipeline)],
    ...plans.map(dropped),
    ...(first ? settingsOf(first) : []),
  ]);
}

const settingsOf = ({ prompt, seed, steps, guidance, image }: GenerateSettings) =>
  [
    ['prompt', prompt],
    ['seed', seed],
    ['steps', steps],
    ['guidance', guidance],
    ...(image ? [['picture', image.name ?? ''] as const, ['picture_sha256', image.key] as const] : []),
  ] as const;
