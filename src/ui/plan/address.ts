/**
 * The page's address: `#model=emoji-t2v&prompt=…&seed=1&steps=4&guidance=2&view=wipe&plan=down_blocks.0`, and where
 * two students are compared `&beside=mid_block&beside-name=Other`; `&picture=` names one of the model's own. Text to values and back; anything absurd in it is left out, legality of the plan is checked by `edits`.
 */

import { planToAddress } from '../../blocks/planText';
import type { GenerateSettings } from '../../worker/protocol';
import type { ClipView } from '../store/state';
import { hashWithPlan, planFromHash } from './hash';

export interface Address {
  /** Id of a bundled model. */
  readonly model?: string;
  readonly settings: Partial<GenerateSettings>;
  readonly view?: ClipView;
  /** Path, in the bundled model's folder, of the picture that the clip begins with. */
  readonly picture?: string;
  /** The second student: its name and what it drops. */
  readonly beside?: { readonly name: string; readonly dropped: readonly string[] };
}

const views: readonly ClipView[] = ['side-by-side', 'wipe', 'difference'];
const keys = ['model', 'prompt', 'seed', 'steps', 'guidance', 'view', 'picture'] as const;

const besideKeys = ['beside', 'beside-name'] as const;

/** Longer prompts than this are no prompts. */
const longestPrompt = 2000;
const longestName = 80;

export function readAddress(hash: string): Address {
  const entries = new URLSearchParams(hash.replace(/^#/, ''));
  const number = (key: string, low: number, high: number, whole: boolean): number | undefined => {
    const text = entries.get(key);
    if (text === null || text.trim() === '') return undefined;
    const value = Number(text);
    return value >= low && value <= high && (!whole || Number.isInteger(value)) ? value : undefined;
  };
  const prompt = entries.get('prompt');
  const seed = number('seed', 0, 2 ** 32 - 1, true);
  const steps = number('steps', 1, 200, true);
  const guidance = number('guidance', 0, 50, false);
  const model = entries.get('model');
  const picture = entries.get('picture');
  const view = views.find((candidate) => candidate === entries.get('view'));
  const beside = planFromHash(hash, 'beside');
  const name = entries.get('beside-name')?.trim().slice(0, longestName);
  return {
    ...(model ? { model } : {}),
    ...(view ? { view } : {}),
    ...(picture && picture.length <= longestName ? { picture } : {}),
    ...(beside ? { beside: { name: name || 'Student B', dropped: beside.dropped } } : {}),
    settings: {
      ...(prompt !== null && prompt.length <= longestPrompt ? { prompt } : {}),
      ...(seed === undefined ? {} : { seed }),
      ...(steps === undefined ? {} : { steps }),
      ...(guidance === undefined ? {} : { guidance }),
    },
  };
}

export interface WrittenAddress {
  /** Null for a model that is not bundled: its files cannot be in a link. */
  readonly model: string | null;
  readonly settings: GenerateSettings;
  readonly view: ClipView;
  /** Null for one that did not come with the model: its pixels cannot be in a link. */
  readonly picture?: string | null;
  readonly dropped: readonly string[];
  readonly beside?: Address['beside'] | undefined;
}

/** The hash with all of it; other entries of the old one are kept. */
export function writeAddress(
  hash: string,
  { model, settings, view, picture, dropped, beside }: WrittenAddress,
): string {
  const entries = new URLSearchParams(hash.replace(/^#/, ''));
  for (const key of [...keys, 'plan', ...besideKeys]) entries.delete(key);
  const own = new URLSearchParams();
  if (model !== null) own.set('model', model);
  own.set('prompt', settings.prompt);
  own.set('seed', String(settings.seed));
  own.set('steps', String(settings.steps));
  own.set('guidance', String(settings.guidance));
  own.set('view', view);
  if (picture) own.set('picture', picture);
  const others = entries.toString();
  const written = hashWithPlan(`#${own.toString()}${others === '' ? '' : `&${others}`}`, { dropped });
  if (!beside) return written;
  return `${written}&beside=${planToAddress(beside)}&beside-name=${encodeURIComponent(beside.name)}`;
}
