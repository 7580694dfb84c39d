/** What `analyze` and `plan` share: units, and the clips that they are measured on. */
import { readFile } from 'node:fs/promises';
import { StudioError } from '../errors/StudioError';
import type { GenerateSettings } from '../studio/GenerateSettings';
import type { Pipeline } from '../studio/Pipeline';
import type { DenoiserUnitKind, UnitKind } from '../studio/units';
import { decimal, deviceHelp, integer, latentSizeHelp } from './arguments';
import { givenPictures } from './givenPictures';

export const importanceOptions = {
  units: { type: 'string' },
  prompts: { type: 'string' },
  seeds: { type: 'string' },
  steps: { type: 'string' },
  guidance: { type: 'string' },
  image: { type: 'string', multiple: true },
  'latent-size': { type: 'string' },
  device: { type: 'string' },
} as const;

export const importanceHelp = `  --units KIND        layers, pairs, stages, or runs of transformer blocks (default: layers)
  --prompts FILE      one prompt a line (default: the folder's own)
  --seeds N           clips for each prompt, of seeds 1 to N (default 1)
  --steps N           sampling steps (default: the folder's own)
  --guidance X        classifier-free guidance; 1: none (default: the folder's own)
  --image FILE        the PNG or JPEG that the clips begin with, for a model that takes one; may be repeated (default:
                      the first that came with the folder)
${latentSizeHelp}
${deviceHelp}`;

interface ImportanceValues {
  readonly units?: string;
  readonly prompts?: string;
  readonly seeds?: string;
  readonly steps?: string;
  readonly guidance?: string;
  readonly image?: readonly string[];
}

const DENOISER_KINDS: readonly DenoiserUnitKind[] = ['layers', 'pairs', 'stages', 'runs'];
const KINDS: readonly UnitKind[] = [...DENOISER_KINDS, 'decoder'];

/** Throws `cli/usage`. */
export const readUnitKind = (values: ImportanceValues): UnitKind => oneOf(KINDS, values);

/** Throws `cli/usage`. */
export const readDenoiserUnitKind = (values: ImportanceValues): DenoiserUnitKind => oneOf(DENOISER_KINDS, values);

function oneOf<Kind extends string>(kinds: readonly Kind[], { units = 'layers' }: ImportanceValues): Kind {
  const kind = kinds.find((known) => known === units);
  if (!kind) throw new StudioError('cli/usage', `--units takes ${kinds.join(', ')}; ${units} is none of them.`);
  return kind;
}

/** Every prompt, and where the model begins with one every picture, with every seed. Throws `cli/usage` and `library/missing-file`. */
export async function readClips(
  values: ImportanceValues,
  pipeline: Pick<Pipeline, 'folder' | 'description'>,
): Promise<readonly GenerateSettings[]> {
  const { defaults } = pipeline.description;
  const prompts = values.prompts === undefined ? [defaults.prompt] : await readPrompts(values.prompts);
  const pictures = await givenPictures(values.image, pipeline, 1);
  const images = pictures.length > 0 ? pictures : [undefined];
  const seeds = integer(values.seeds, '--seeds', { min: 1, max: 1000 }, 1);
  const steps = integer(values.steps, '--steps', { min: 1, max: 1000 }, defaults.steps);
  const guidance = decimal(values.guidance, '--guidance', 0, defaults.guidance);
  return prompts.flatMap((prompt) =>
    images.flatMap((image) =>
      Array.from({ length: seeds }, (_, index) => ({
        prompt,
        seed: index + 1,
        steps,
        guidance,
        ...(image ? { image } : {}),
      })),
    ),
  );
}

/** One a line. Throws `cli/usage` and `library/missing-file`. */
export async function readPrompts(path: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new StudioError('library/missing-file', `The prompts ${path} cannot be read.`, { path }, { cause });
  }
  const prompts = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (prompts.length === 0) throw new StudioError('cli/usage', `${path} has no prompt: one a line.`);
  return prompts;
}
