/** The models that are served with the page. Their folders are ordinary pipeline folders: nothing else is known of them. */
import type { FolderReference } from './Folder';

export interface BundledModel {
  readonly id: string;
  readonly name: string;
  /** Relative to the page. */
  readonly url: string;
  readonly description: string;
}

export const bundledModels: readonly BundledModel[] = [
  {
    id: 'emoji-t2v',
    name: 'Emoji T2V',
    url: 'models/emoji-t2v/',
    description:
      'A small text-to-video latent diffusion model, trained from scratch for this studio: emoji that move on plain backgrounds, 16 frames of 64x64.',
  },
  {
    id: 'emoji-hy',
    name: 'Emoji HY',
    url: 'models/emoji-hy/',
    description:
      "A small video transformer of HunyuanVideo's kind, with two-stream and one-stream blocks, trained from scratch on the same emoji: four steps, guidance as an input.",
  },
  {
    id: 'emoji-i2v',
    name: 'Emoji I2V',
    url: 'models/emoji-i2v/',
    description:
      "A small image-to-video U-Net of Stable Video Diffusion's kind, trained from scratch on the same emoji: a picture begins the clip, in one step.",
  },
];

/** `pageUrl`: document.baseURI, because the worker that opens the folder has another base. */
export function bundledReference(model: BundledModel, pageUrl: string): FolderReference {
  return { kind: 'url', url: new URL(model.url, pageUrl).href, name: model.id };
}
