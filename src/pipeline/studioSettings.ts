/**
 * What a pipeline folder may say to the studio beyond diffusers' layout: the field `_studio` of model_index.json
 * (diffusers skips names that start with an underscore). Everything in it is optional.
 */
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import type { Config } from './configFields';
import { countField, numberField, numbersField, stringField } from './configFields';
import type { GivenPreset } from './PipelineDescription';
import type { GivenGrid } from './schedulers/givenGrid';

export interface StudioSettings {
  readonly framesPerSecond?: number | undefined;
  readonly steps?: number | undefined;
  readonly guidance?: number | undefined;
  readonly prompt?: string | undefined;
  readonly negativePrompt?: string | undefined;
  readonly examplePrompts: readonly string[];
  /** What the model was trained to know, for healing: many, where the examples are few. */
  readonly trainingPrompts?: readonly string[];
  /** Pictures to begin with, paths relative to the folder. */
  readonly exampleImages?: readonly string[];
  readonly presets?: readonly GivenPreset[];
  /** Noise levels (`sigmas`, as diffusers' set_timesteps takes them, without the final 0) or `timesteps` of the run. */
  readonly grid?: GivenGrid;
}

/** Throws `library/invalid-config` for a field of the wrong type. */
export function readStudioSettings(index: Config, file: string): StudioSettings {
  const settings = index['_studio'];
  if (settings === undefined || settings === null) return { examplePrompts: [] };
  const config = settings as Config;
  const prompts = config['example_prompts'] ?? [];
  if (
    typeof settings !== 'object' ||
    !Array.isArray(prompts) ||
    !prompts.every((prompt) => typeof prompt === 'string')
  ) {
    throw new StudioError(
      'library/invalid-config',
      `${file}: "_studio" should be an object, with "example_prompts" a list of strings.`,
      { file, field: '_studio' },
    );
  }
  return {
    framesPerSecond: numberField(config, 'frames_per_second', undefined, file),
    steps: countField(config, 'steps', undefined, file, 1000),
    guidance: numberField(config, 'guidance', undefined, file),
    prompt: stringField(config, 'prompt', undefined, file),
    negativePrompt: stringField(config, 'negative_prompt', undefined, file),
    examplePrompts: prompts as string[],
    ...readTrainingPrompts(config, file),
    ...readExampleImages(config, file),
    ...readPresets(config, file),
    ...readGrid(config, file),
  };
}

function readTrainingPrompts(config: Config, file: string): Pick<StudioSettings, 'trainingPrompts'> {
  const prompts = config['training_prompts'];
  if (prompts === undefined) return {};
  if (Array.isArray(prompts) && prompts.length > 0 && prompts.every((prompt) => typeof prompt === 'string'))
    return { trainingPrompts: prompts };
  throw new StudioError('library/invalid-config', `${file}: "_studio.training_prompts" should be a list of prompts.`, {
    file,
    field: '_studio.training_prompts',
  });
}

function readExampleImages(config: Config, file: string): Pick<StudioSettings, 'exampleImages'> {
  const images = config['example_images'];
  if (images === undefined) return {};
  if (Array.isArray(images) && images.every((image) => typeof image === 'string')) return { exampleImages: images };
  throw new StudioError('library/invalid-config', `${file}: "_studio.example_images" should be a list of paths.`, {
    file,
    field: '_studio.example_images',
  });
}

/** `presets`: `[{ id, label, description, dropped: [ids] }]`, gentlest first. */
function readPresets(config: Config, file: string): Pick<StudioSettings, 'presets'> {
  const presets = config['presets'];
  if (presets === undefined) return {};
  const isText = (value: unknown) => typeof value === 'string' && value !== '';
  const isPreset = (value: unknown): value is GivenPreset => {
    const preset = value as Partial<Record<keyof GivenPreset, unknown>> | null;
    if (!preset || ![preset.id, preset.label, preset.description].every(isText)) return false;
    return Array.isArray(preset.dropped) && preset.dropped.every(isText);
  };
  if (Array.isArray(presets) && presets.every(isPreset)) return { presets };
  throw new StudioError(
    'library/invalid-config',
    `${file}: "_studio.presets" should be a list of { id, label, description, dropped }.`,
    { file, field: '_studio.presets' },
  );
}

/** `sigmas` and `timesteps`: one entry a step, falling; a 0 at the end of `sigmas` is where the run ends, no step. */
function readGrid(config: Config, file: string): Pick<StudioSettings, 'grid'> {
  const listed = numbersField(config, 'sigmas', file);
  const sigmas = listed?.at(-1) === 0 ? listed.slice(0, -1) : listed;
  const timesteps = numbersField(config, 'timesteps', file);
  if (!sigmas && !timesteps) return {};
  for (const [field, values] of [['sigmas', sigmas] as const, ['timesteps', timesteps] as const]) {
    if (values === undefined) continue;
    const falls = values.every((value, i) => value >= 0 && (i === 0 || value < present(values[i - 1])));
    if (values.length > 0 && falls && (!sigmas || values.length === sigmas.length)) continue;
    throw new StudioError(
      'library/invalid-config',
      `${file}: "_studio.${field}" should be a falling list of numbers, one a step.`,
      { file, field: `_studio.${field}` },
    );
  }
  return { grid: { ...(sigmas ? { sigmas } : {}), ...(timesteps ? { timesteps } : {}) } };
}
