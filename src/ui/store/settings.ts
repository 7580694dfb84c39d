/** What to sample: prompt, seed, steps, guidance; and the page's own choices. */
import { present } from '../../errors/present';
import type { GenerateSettings } from '../../worker/protocol';
import { generate, rerunAfterEdit } from './generate';
import { type Rerun, read, type StudioState, write } from './state';

/** Changes settings without running: what is shown becomes stale. */
export function editSettings(change: Partial<GenerateSettings>): void {
  write((state) => ({ settings: { ...state.settings, ...change } }));
}

/** Changes settings and, with rerun at once, samples again. */
export function commitSettings(change: Partial<GenerateSettings> = {}): void {
  editSettings(change);
  rerunAfterEdit();
}

export function rollSeed(): void {
  commitSettings({ seed: present(crypto.getRandomValues(new Uint32Array(1))[0]) % 1_000_000 });
}

export function setRerun(rerun: Rerun): void {
  write({ rerun });
  if (rerun === 'at-once' && !read().run) rerunAfterEdit();
}

export function showPanel(panel: StudioState['panel']): void {
  write({ panel });
}

export const generateNow = (): void => void generate();
