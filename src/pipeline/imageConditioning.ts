/**
 * A picture to what an image-to-video denoiser is conditioned on, as StableVideoDiffusionPipeline does it once the picture
 * has the model's size (cropped to its aspect here): some noise on it, its latent (the mean, unscaled), and its embedding.
 * The last few pictures are kept.
 */

import { present } from '../errors/present';
import { firstInput, firstOutput } from '../onnx/graph';
import type { Model } from '../onnx/model';
import { requireFiniteOutput } from '../runtime/notFinite';
import type { Session } from '../runtime/Runtime';
import { floatValues, outputNamed, runtimeType, tensorOf } from '../runtime/tensors';
import { antialiasedResize } from './antialiasedResize';
import type { TextEmbedding } from './denoiserInputs';
import type { PipelineDescription } from './PipelineDescription';
import { PICTURE_NOISE } from './pictureNoise';
import { type PicturePixels, pictureTensor } from './pictureTensor';
import { seededNoise } from './seededNoise';

export interface ImageCondition {
  /** [channels, height, width] of the picture's latent. */
  readonly latent: Float32Array;
  /** One token, where the pipeline has an image encoder. */
  readonly embedding?: TextEmbedding;
}

export interface ImageConditioning {
  /** `picture.key` names its content. `seed`: of the clip; it draws the noise on the picture. */
  embed(picture: PicturePixels & { readonly key: string }, seed: number): Promise<ImageCondition>;
}

type ImageDescription = NonNullable<PipelineDescription['image']>;

/** A graph and its session. */
export interface RunnableGraph {
  readonly model: Model;
  readonly session: Session;
}

/** Stream of the seed that draws it: the latent has stream 0, steps have the next ones. */
const PICTURE_NOISE_STREAM = 2_000_000;
const KEPT_PICTURES = 8;

export function imageConditioning(
  image: ImageDescription,
  channels: number,
  vaeEncoder: RunnableGraph,
  imageEncoder: RunnableGraph | undefined,
): ImageConditioning {
  const kept = new Map<string, ImageCondition>();
  return {
    async embed(picture, seed) {
      const key = `${picture.key} ${seed}`;
      const known = kept.get(key);
      if (known) return known;
      const own = pictureTensor(picture, image.width, image.height);
      const embedding = imageEncoder && (await embeddingOf(own, image, imageEncoder));
      const latent = await latentOf(own, image, channels, seed, vaeEncoder);
      const condition: ImageCondition = { latent, ...(embedding ? { embedding } : {}) };
      if (kept.size >= KEPT_PICTURES) kept.delete(present(kept.keys().next().value));
      kept.set(key, condition);
      return condition;
    },
  };
}

/** The first `channels` channels of what the encoder gives: the mean, where it also gives a variance. */
async function latentOf(
  picture: Float32Array,
  { width, height }: ImageDescription,
  channels: number,
  seed: number,
  encoder: RunnableGraph,
): Promise<Float32Array> {
  const noise = seededNoise(seed, 3 * width * height, PICTURE_NOISE_STREAM);
  const pixels = picture.map((value, i) => value + PICTURE_NOISE * present(noise[i]));
  const output = await run(encoder, [1, 3, height, width], pixels);
  requireFiniteOutput('The VAE encoder', floatValues(output));
  const area = output.dims.slice(-2).reduce((product, dim) => product * dim, 1);
  return floatValues(output).slice(0, channels * area);
}

async function embeddingOf(
  picture: Float32Array,
  image: ImageDescription,
  encoder: RunnableGraph,
): Promise<TextEmbedding> {
  const { size, mean, std } = present(image.encoder);
  const pixels = antialiasedResize(picture, 3, image, size).map((value, i) => {
    const channel = Math.floor(i / (size * size));
    return ((value + 1) / 2 - present(mean[channel])) / present(std[channel]);
  });
  const values = floatValues(await run(encoder, [1, 3, size, size], pixels));
  requireFiniteOutput('The image encoder', values);
  return { tokens: 1, width: values.length, values };
}

async function run({ model, session }: RunnableGraph, dims: readonly number[], values: Float32Array) {
  const input = firstInput(model.graph);
  const output = (model.graph.outputs.find(({ name }) => name === 'image_embeds') ?? firstOutput(model.graph)).name;
  const tensor = tensorOf(runtimeType(input.type?.dataType ?? 'float32', input.name), dims, values);
  return outputNamed(await session.run({ [input.name]: tensor }, [output]), output);
}
