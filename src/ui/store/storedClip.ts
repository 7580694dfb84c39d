/**
 * The clip that lies beside a bundled model: shown for the teacher at once, marked as stored, until the model itself
 * has made one. It is a picture of the frames on top of each other, the settings that it was made with, and the
 * outline of its model. Where another model turns out to lie there, the page does without.
 * "npm run stored-clip" makes it anew.
 */

import { create } from 'zustand';
import { NOTHING_DROPPED } from '../../blocks/plan';
import type { Clip } from '../../metrics/Clip';
import type { GenerateSettings } from '../../worker/protocol';
import { sameSettings } from './derived';
import { play } from './player';
import { initialState, read, useStudio, write } from './state';

/** The stored clip that was shown last, to tell it from those that the model made here. */
export const useStoredClip = create<{ readonly clip: Clip | null }>()(() => ({ clip: null }));

interface StoredClipFile {
  readonly outline: string;
  readonly frameCount: number;
  readonly settings: GenerateSettings;
}

/**
 * Shows the stored clip of the folder at `url` until the model has made one: on a first visit, or where the settings
 * are those that it was made with. A folder without one is no error.
 */
export async function showStoredClip(url: string): Promise<void> {
  const stored = await fetchStored(url);
  if (!stored) return;
  const show = (): void => {
    const { open, shown, settings } = read();
    const isOpen = open?.folder.kind === 'url' && open.folder.url === url;
    if (shown.teacher || (open && !isOpen)) return;
    if (open && open.outline !== stored.outline) return;
    const firstVisit = !open && sameSettings(settings, initialState.settings);
    if (!firstVisit && !sameSettings(settings, stored.settings)) return;
    useStoredClip.setState({ clip: stored.clip });
    // step 0: made by nobody here, so it never counts as finished
    const made = {
      clip: stored.clip,
      settings: stored.settings,
      plan: NOTHING_DROPPED,
      step: 0,
      steps: stored.settings.steps,
    };
    write({ shown: { ...shown, teacher: made }, ...(firstVisit ? { settings: stored.settings } : {}) });
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) play();
  };
  show();
  // opening ends with nothing on screen: the stored clip stays until the first preview
  const stop = useStudio.subscribe((state, before) => {
    if (state.shown.teacher && state.shown.teacher.clip !== stored.clip) stop();
    else if (state.open !== before.open) queueMicrotask(show);
  });
}

interface Stored extends Pick<StoredClipFile, 'outline' | 'settings'> {
  readonly clip: Clip;
}

async function fetchStored(url: string): Promise<Stored | null> {
  const response = await fetch(new URL('stored-clip.json', url)).catch(() => null);
  const isJson = response?.ok === true && /json/.test(response.headers.get('content-type') ?? '');
  if (!isJson) return null;
  const { outline, frameCount, settings } = (await response.json()) as StoredClipFile;
  const picture = await fetch(new URL('stored-clip.png', url));
  if (!picture.ok) return null;
  // Pixels as they are: no colour management between the file and the clip.
  const bitmap = await createImageBitmap(await picture.blob(), { colorSpaceConversion: 'none' });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  if (!context || height % frameCount !== 0) return null;
  context.drawImage(bitmap, 0, 0);
  const pixels = new Uint8ClampedArray(context.getImageData(0, 0, width, height).data);
  return { clip: { frameCount, width, height: height / frameCount, pixels }, settings, outline };
}
