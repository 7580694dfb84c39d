/** What an image-to-video clip begins with: one of the model's own pictures, by its path, or one that a person gives. */
import { StudioError } from '../../errors/StudioError';
import { showProblem } from './engine';
import { exampleUrls, fetchPicture, readPicture } from './pictures';
import { commitSettings } from './settings';
import { read } from './state';

/** Nothing happens where the open model has no such picture. */
export async function takeExample(path: string): Promise<void> {
  const { open } = read();
  const input = open?.description.image;
  const url = open && input ? exampleUrls(input, open.folder)[input.examples.indexOf(path)] : undefined;
  if (!input || url === undefined) return;
  const image = await fetchPicture(url, input, path);
  if (image && read().open?.description.image === input) commitSettings({ image });
}

/** Tells where the bytes are no picture that this browser reads. */
export async function takePicture(source: Blob): Promise<void> {
  const input = read().open?.description.image;
  if (!input) return;
  try {
    const image = await readPicture(source, { width: input.width, height: input.height });
    commitSettings({ image });
  } catch (cause) {
    const name = source instanceof File ? source.name : 'This';
    showProblem(
      new StudioError('library/invalid-config', `${name} is no picture that this browser can read.`, {}, { cause }),
      'generate',
    );
  }
}
