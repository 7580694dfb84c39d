/**
 * Pictures for models that begin with one: from a file, the clipboard or beside the model, cropped to the model's
 * aspect around the middle and scaled to its size. Pixels leave here as RGBA, named by their content.
 */
import { present } from '../../errors/present';
import type { FolderReference } from '../../library/Folder';
import type { PipelineDescription } from '../../pipeline/PipelineDescription';
import type { Picture } from '../../worker/protocol';

type ImageInput = NonNullable<PipelineDescription['image']>;

/** Addresses of the pictures that came with a model; a folder of this machine has none. */
export function exampleUrls({ examples }: ImageInput, folder: FolderReference): readonly string[] {
  return folder.kind === 'url' ? examples.map((path) => new URL(path, folder.url).href) : [];
}

/** Null where there is no such picture, or none that this browser reads. `name`: its path in the model's folder. */
export async function fetchPicture(url: string, { width, height }: ImageInput, name?: string): Promise<Picture | null> {
  const response = await fetch(url).catch(() => null);
  return response?.ok ? readPicture(await response.blob(), { width, height }, name).catch(() => null) : null;
}

/** The model's own pictures that can be fetched and read, in its order, named by their paths. */
export async function ownPictures(input: ImageInput, folder: FolderReference): Promise<readonly Picture[]> {
  const urls = exampleUrls(input, folder);
  const read = await Promise.all(urls.map((url, index) => fetchPicture(url, input, input.examples[index])));
  return read.filter((picture) => picture !== null);
}

export interface Crop {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The largest part of a picture, around its middle, that has the aspect of `to`. */
export function cropTo(
  from: { readonly width: number; readonly height: number },
  to: { readonly width: number; readonly height: number },
): Crop {
  const scale = Math.min(from.width / to.width, from.height / to.height);
  const [width, height] = [to.width * scale, to.height * scale];
  return { x: (from.width - width) / 2, y: (from.height - height) / 2, width, height };
}

/** Throws what the browser throws for bytes that are no picture. */
export async function readPicture(
  source: Blob,
  size: { readonly width: number; readonly height: number },
  name = source instanceof File ? source.name : undefined,
): Promise<Picture> {
  const bitmap = await createImageBitmap(source);
  const { x, y, width, height } = cropTo(bitmap, size);
  const context = present(new OffscreenCanvas(size.width, size.height).getContext('2d'));
  context.fillStyle = '#fff'; // transparent pictures stand on white
  context.fillRect(0, 0, size.width, size.height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, x, y, width, height, 0, 0, size.width, size.height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, size.width, size.height);
  const pixels = new Uint8ClampedArray(data);
  return { key: await nameOf(pixels), ...(name ? { name } : {}), ...size, pixels };
}

async function nameOf(pixels: Uint8ClampedArray): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new Uint8Array(pixels));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
