/** The picture's side of a pipeline folder: what encodes the first frame for the denoiser, and at what size. */
import type { Folder } from '../library/Folder';
import { directoryOf, joinPath } from '../library/paths';
import { graphIn, readOptionalJson } from './componentFiles';
import type { Config } from './configFields';
import { countField, numbersField } from './configFields';
import type { LatentInput } from './latentInput';
import type { PipelineDescription } from './PipelineDescription';

type ImageDescription = NonNullable<PipelineDescription['image']>;

/** OpenAI's CLIP, which every image encoder of this kind was trained with. */
const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073];
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711];
const CLIP_SIZE = 224;
const PROCESSOR_FILE = 'feature_extractor/preprocessor_config.json';

/**
 * Stable Video Diffusion's kind: the picture's latent on the channels beside the noisy one, its CLIP embedding as the
 * text. Undefined for other denoisers, and where the folder has no vae_encoder. Throws `library/invalid-config`.
 */
export async function describeImage(
  folder: Folder,
  denoiser: Config,
  { latent, inputChannels }: LatentInput,
  examples: readonly string[],
): Promise<ImageDescription | undefined> {
  if (denoiser['_class_name'] !== 'UNetSpatioTemporalConditionModel' || inputChannels !== 2 * latent.channels)
    return undefined;
  const vaeEncoderPath = await graphIn(folder, 'vae_encoder');
  if (vaeEncoderPath === undefined) return undefined;
  const scale = await pixelsPerLatent(folder, vaeEncoderPath);
  const encoder = await describeEncoder(folder);
  return {
    width: latent.width * scale,
    height: latent.height * scale,
    examples,
    vaeEncoderPath,
    ...(encoder ? { encoder } : {}),
  };
}

/** An autoencoder halves the picture between its stages. */
async function pixelsPerLatent(folder: Folder, modelPath: string): Promise<number> {
  for (const path of [joinPath(directoryOf(modelPath), 'config.json'), 'vae/config.json']) {
    const widths = numbersField((await readOptionalJson(folder, path)) ?? {}, 'block_out_channels', path);
    if (widths) return 2 ** (widths.length - 1);
  }
  return 8;
}

async function describeEncoder(folder: Folder): Promise<ImageDescription['encoder']> {
  const modelPath = await graphIn(folder, 'image_encoder');
  if (modelPath === undefined) return undefined;
  const path = joinPath(directoryOf(modelPath), 'config.json');
  const size = countField((await readOptionalJson(folder, path)) ?? {}, 'image_size', CLIP_SIZE, path);
  const processor = (await readOptionalJson(folder, PROCESSOR_FILE)) ?? {};
  return {
    modelPath,
    size,
    mean: numbersField(processor, 'image_mean', PROCESSOR_FILE) ?? CLIP_MEAN,
    std: numbersField(processor, 'image_std', PROCESSOR_FILE) ?? CLIP_STD,
  };
}
