/**
 * The page's address: `#model=emoji-t2v&prompt=…&seed=1&steps=4&guidance=2&view=wipe&plan=down_blocks.0`. Text to
 * values and back; anything absurd in it is left out, legality of the plan is checked by `edits`.
 */
import type { GenerateSettings } from '../../worker/protocol';
import type { ClipView } from '../store/state';
import { hashWithPlan } from './hash';

export interface Address {
  /** Id of a bundled model. */
  readonly model?: string;
  readonly settings: Partial<GenerateSettings>;
  readonly view?: ClipView;
}

const views: readonly ClipView[] = ['side-by-side', 'wipe', 'difference'];
const keys = ['model', 'prompt', 'seed', 'steps', 'guidance', 'view'] as const;

/** Longer prompts than this are no prompts. */
const longestPrompt = 2000;

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
  const view = views.find((candidate) => candidate === entries.get('view'));
  return {
    ...(model ? { model } : {}),
    ...(view ? { view } : {}),
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
  readonly dropped: readonly string[];
}

/** The hash with all of it; other entries of the old one are kept. */
export function writeAddress(hash: string, { model, settings, view, dropped }: WrittenAddress): string {
  const entries = new URLSearchParams(hash.replace(/^#/, ''));
  for (const key of [...keys, 'plan']) entries.delete(key);
  const own = new URLSearchParams();
  if (model !== null) own.set('model', model);
  own.set('prompt', settings.prompt);
  own.set('seed', String(settings.seed));
  own.set('steps', String(settings.steps));
  own.set('guidance', String(settings.guidance));
  own.set('view', view);
  const others = entries.toString();
  return hashWithPlan(`#${own.toString()}${others === '' ? '' : `&${others}`}`, { dropped });
}
