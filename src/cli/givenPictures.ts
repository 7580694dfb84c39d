/** The pictures that clips begin with: those of `--image`, or the folder's own; none for a model that begins with none. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StudioError } from '../errors/StudioError';
import type { Picture } from '../studio/GenerateSettings';
import type { Pipeline } from '../studio/Pipeline';
import { pictureOf, readImage } from './readImage';

/** `paths`: files, or folders of them; `mostExamples`: so many of the folder's own at most. Throws `cli/usage` where the model takes none or one cannot be read. */
export async function givenPictures(
  paths: readonly string[] | undefined,
  { folder, description: { image } }: Pick<Pipeline, 'folder' | 'description'>,
  mostExamples = Infinity,
): Promise<readonly Picture[]> {
  if (paths !== undefined && !image)
    throw new StudioError('cli/usage', '--image: this model does not begin with a picture.');
  if (paths !== undefined) return Promise.all((await Promise.all(paths.map(filesAt))).flat().map(readImage));
  return Promise.all(
    (image?.examples ?? []).slice(0, mostExamples).map(async (path) => {
      const source = await folder.open(path);
      return pictureOf(Buffer.from(await source.read(0, source.sizeBytes)), path);
    }),
  );
}

/** What is in a folder and looks like a picture, by name; a file as it is. */
async function filesAt(path: string): Promise<readonly string[]> {
  const at = await stat(path).catch(() => undefined);
  if (!at?.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => /\.(png|jpe?g)$/i.test(name)).sort();
  if (names.length === 0)
    throw new StudioError('cli/usage', `--image: there is no PNG or JPEG file in ${path}.`, { path });
  return names.map((name) => join(path, name));
}
