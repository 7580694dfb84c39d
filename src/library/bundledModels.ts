/** The models that are served with the page. Their folders are ordinary pipeline folders: nothing else is known of them. */
import type { FolderReference } from './Folder';

export interface BundledModel {
  readonly id: string;
  readonly name: string;
  /** Relative to the page. */
  readonly url: string;
  readonly description: string;
  /** A clip lies beside it that is shown while it opens. */
  readonly hasStoredClip?: boolean;
  /** What opening and sampling read, in the order in which it is wanted. */
  readonly files: readonly string[];
}

const TEXT_AND_DECODER = [
  'tokenizer/tokenizer_config.json',
  'tokenizer/tokenizer.json',
  'text_encoder/config.json',
  'vae_decoder/config.json',
  'scheduler/scheduler_config.json',
  'text_encoder/model.onnx',
  'vae_decoder/model.onnx',
];

export const bundledModels: readonly BundledModel[] = [
  {
    id: 'emoji-t2v',
    name: 'Emoji T2V',
    url: 'models/emoji-t2v/',
    hasStoredClip: true,
    description:
      'A small text-to-video latent diffusion model, trained from scratch for this studio: emoji that move on plain backgrounds, 16 frames of 64x64.',
    files: ['model_index.json', 'unet/config.json', 'unet/model.onnx', ...TEXT_AND_DECODER],
  },
  {
    id: 'emoji-hy',
    name: 'Emoji HY',
    url: 'models/emoji-hy/',
    hasStoredClip: true,
    description:
      "A small video transformer of HunyuanVideo's kind, with two-stream and one-stream blocks, trained from scratch on the same emoji: four steps, guidance as an input.",
    files: [
      'model_index.json',
      'transformer/config.json',
      'transformer/model.onnx',
      ...TEXT_AND_DECODER,
      'text_encoder_2/config.json',
      'text_encoder_2/model.onnx',
      'tokenizer_2/tokenizer.json',
      'tokenizer_2/tokenizer_config.json',
    ],
  },
  {
    id: 'emoji-i2v',
    name: 'Emoji I2V',
    url: 'models/emoji-i2v/',
    hasStoredClip: true,
    description:
      "A small image-to-video U-Net of Stable Video Diffusion's kind, trained from scratch on the same emoji: a picture begins the clip, in one step.",
    files: [
      'model_index.json',
      'unet/config.json',
      'unet/model.onnx',
      'feature_extractor/preprocessor_config.json',
      'image_encoder/config.json',
      'vae_encoder/config.json',
      'vae_decoder/config.json',
      'scheduler/scheduler_config.json',
      'image_encoder/model.onnx',
      'vae_encoder/model.onnx',
      'vae_decoder/model.onnx',
    ],
  },
];

/** `pageUrl`: document.baseURI, because the worker that opens the folder has another base. */
export function bundledReference(model: BundledModel, pageUrl: string): FolderReference {
  return { kind: 'url', url: new URL(model.url, pageUrl).href, name: model.id, files: model.files };
}
