/**
 * A clip to be shown before its model runs: a PNG of all frames on top of each other, lossless, and a JSON file with
 * what it was made with. Read by the page (src/ui/store/storedClip.ts).
 */
import { PNG } from 'pngjs';
import type { Clip } from '../metrics/Clip';
import type { GenerateSettings } from '../studio/GenerateSettings';

export interface StoredClip {
  readonly picture: Uint8Array;
  readonly facts: Uint8Array;
}

/** Fingerprint and outline are the pipeline's. The page shows the clip with no model of another outline. */
export function encodeStoredClip(
  { frameCount, width, height, pixels }: Clip,
  settings: GenerateSettings,
  { fingerprint, outline }: { readonly fingerprint: string; readonly outline: string },
): StoredClip {
  const picture = new PNG({ width, height: height * frameCount });
  picture.data.set(pixels);
  const { prompt, seed, steps, guidance } = settings;
  const facts = { fingerprint, outline, frameCount, width, height, settings: { prompt, seed, steps, guidance } };
  return {
    picture: PNG.sync.write(picture, { colorType: 2 }),
    facts: new TextEncoder().encode(`${JSON.stringify(facts, null, 2)}\n`),
  };
}
