/** A picture file for `--image`, as pixels named by their content. PNG and JPEG, told by their first bytes. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { StudioError } from '../errors/StudioError';
import type { Picture } from '../studio/GenerateSettings';

/** What a picture may need while it is decoded, so that a small hostile file cannot take all memory. */
const MAX_MEGABYTES = 512;

/** Throws `cli/usage` where there is no such file or no picture in it. */
export const readImage = async (path: string): Promise<Picture> => pictureOf(await bytesOf(path), path);

/** `path`: for errors. Throws `cli/usage` where there is no picture in the bytes. */
export function pictureOf(bytes: Buffer, path: string): Picture {
  const { width, height, data } = decode(bytes, path);
  const pixels = new Uint8ClampedArray(data);
  return { key: createHash('sha256').update(pixels).digest('hex'), width, height, pixels };
}

async function bytesOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new StudioError('cli/usage', `--image: ${path} cannot be read (${(error as Error).message}).`);
  }
}

function decode(bytes: Buffer, path: string): { width: number; height: number; data: Uint8Array } {
  try {
    if (bytes.length > 24 && bytes.readUInt32BE(0) === 0x89504e47) {
      const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
      if (width * height * 4 > MAX_MEGABYTES * 2 ** 20) throw new Error(`${width}x${height} pixels are too many`);
      return PNG.sync.read(bytes);
    }
    if (bytes.length > 2 && bytes.readUInt16BE(0) === 0xffd8)
      return jpeg.decode(bytes, { useTArray: true, maxMemoryUsageInMB: MAX_MEGABYTES });
  } catch (error) {
    throw new StudioError('cli/usage', `--image: ${path} is damaged (${(error as Error).message}).`);
  }
  throw new StudioError('cli/usage', `--image: ${path} is no PNG or JPEG file.`);
}
