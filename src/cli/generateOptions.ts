/** What `generate` and `compare` share: the settings of a clip. */
import { StudioError } from '../errors/StudioError';
import { type DisplayName, displayNames } from '../metrics/colorVideoVdp/parameters';
import type { PipelineDescription } from '../pipeline/PipelineDescription';
import type { GenerateSettings } from '../studio/GenerateSettings';
import type { Pipeline } from '../studio/Pipeline';
import { decimal, deviceHelp, integer, latentSizeHelp } from './arguments';
import { givenPictures } from './givenPictures';
import { readPrompts } from './importanceOptions';
import { planOptions } from './planOptions';

export const generateOptions = {
  ...planOptions,
  prompt: { type: 'string' },
  seed: { type: 'string' },
  steps: { type: 'string' },
  guidance: { type: 'string' },
  image: { type: 'string' },
  'latent-size': { type: 'string' },
  device: { type: 'string' },
  out: { type: 'string' },
  scale: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const generateHelp = `  --prompt TEXT       what the clip shows (default: the folder's own)
  --seed N            0 to 4294967295 (default 1): the same seed gives the same clip everywhere
  --steps N           sampling steps (default: the folder's own)
  --guidance X        classifier-free guidance; 1: none (default: the folder's own)
  --image FILE        the PNG or JPEG that the clip begins with, for a model that takes one; cropped to its aspect
                      (default: the first that came with the folder)
${latentSizeHelp}
${deviceHelp}`;

interface SettingValues {
  readonly prompt?: string;
  readonly seed?: string;
  readonly steps?: string;
  readonly guidance?: string;
  readonly image?: string;
}

/** Throws `cli/usage`, and as reading the folder's own picture. */
export async function readSettings(
  values: SettingValues,
  pipeline: Pick<Pipeline, 'folder' | 'description'>,
): Promise<GenerateSettings> {
  const { defaults } = pipeline.description;
  const [image] = await givenPictures(values.image === undefined ? undefined : [values.image], pipeline, 1);
  return {
    ...(image ? { image } : {}),
    prompt: values.prompt ?? defaults.prompt,
    seed: integer(values.seed, '--seed', { min: 0, max: 2 ** 32 - 1 }, 1),
    steps: integer(values.steps, '--steps', { min: 1, max: 1000 }, defaults.steps),
    guidance: decimal(values.guidance, '--guidance', 0, defaults.guidance),
  };
}

/** The pipeline's notes, and which of the folder's pictures a clip begins with where none was given. */
export function notesOn(
  { image: given }: Pick<SettingValues, 'image'>,
  { notes, image }: PipelineDescription,
): readonly string[] {
  const own = given === undefined ? image?.examples[0] : undefined;
  return own === undefined ? notes : [...notes, `Clips begin with the folder's ${own}; --image FILE takes another.`];
}

export const casesHelp = `  --prompts FILE      one prompt a line, instead of --prompt
  --seeds N           clips for each prompt, of N seeds from --seed on (default 1)`;

export const displayHelp = `  --display NAME      for ColorVideoVDP: ${displayNames.join(', ')} (default: the first) or none, which leaves it out`;

/** Undefined for `none`. Throws `cli/usage`. */
export function readDisplay(value: string = displayNames[0]): DisplayName | undefined {
  if (value === 'none') return undefined;
  const known = displayNames.find((name) => name === value);
  if (!known)
    throw new StudioError('cli/usage', `--display is one of ${displayNames.join(', ')}, none; not "${value}".`);
  return known;
}

interface CaseValues extends SettingValues {
  readonly prompts?: string;
  readonly seeds?: string;
}

/** Every prompt with every seed; the picture is the same for all. Throws `cli/usage` and `library/missing-file`. */
export async function readCases(
  values: CaseValues,
  pipeline: Pick<Pipeline, 'folder' | 'description'>,
): Promise<readonly GenerateSettings[]> {
  if (values.prompt !== undefined && values.prompts !== undefined)
    throw new StudioError('cli/usage', 'Give --prompt or --prompts, not both.');
  const first = await readSettings(values, pipeline);
  const prompts = values.prompts === undefined ? [first.prompt] : await readPrompts(values.prompts);
  const seeds = integer(values.seeds, '--seeds', { min: 1, max: 1000 }, 1);
  if (first.seed + seeds > 2 ** 32) throw new StudioError('cli/usage', '--seeds: a seed is at most 4294967295.');
  return prompts.flatMap((prompt) =>
    Array.from({ length: seeds }, (_, index) => ({ ...first, prompt, seed: first.seed + index })),
  );
}

/** Settings as `--json` prints them: a picture by its content, not its pixels. */
export function printable({ image, ...settings }: GenerateSettings) {
  return { ...settings, ...(image ? { image: { sha256: image.key, width: image.width, height: image.height } } : {}) };
}

export const readScale = (value: string | undefined): number => integer(value, '--scale', { min: 1, max: 32 }, 4);
