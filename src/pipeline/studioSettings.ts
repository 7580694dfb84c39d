/**
 * What a pipeline folder may say to the studio beyond diffusers' layout: the field `_studio` of model_index.json
 * (diffusers skips names that start with an underscore). Everything in it is optional.
 */
import { StudioError } from '../errors/StudioError';
import type { Config } from './configFields';
import { countField, numberField, stringField } from './configFields';

export interface StudioSettings {
  readonly framesPerSecond?: number | undefined;
  readonly steps?: number | undefined;
  readonly guidance?: number | undefined;
  readonly prompt?: string | undefined;
  readonly negativePrompt?: string | undefined;
  readonly examplePrompts: readonly string[];
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
    steps: countField(config, 'steps', undefined, file),
    guidance: numberField(config, 'guidance', undefined, file),
    prompt: stringField(config, 'prompt', undefined, file),
    negativePrompt: stringField(config, 'negative_prompt', undefined, file),
    examplePrompts: prompts as string[],
  };
}
