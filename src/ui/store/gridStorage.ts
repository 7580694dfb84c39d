/** Results of clips of a batch, kept in this browser: by model, student and settings; the latest few thousand. */
import type { ClipFigures } from '../../metrics/clipFigures';
import type { GenerateSettings } from '../../worker/protocol';
import { fingerprintInName } from './storedText';

export interface GridResult {
  /** Of the model, the student and the settings: see `resultName`. */
  readonly name: string;
  /** PSNR of identical clips is null in the text, and Infinity here. */
  readonly figures: ClipFigures;
}

const key = 'vdmini-studio/grid';
const most = 2000;

/** Equal for clips that are equal. A picture counts by its key; `size` of the latent, where the model leaves it open (`openSize`). */
export function resultName(fingerprint: string, variant: string, settings: GenerateSettings, size?: string): string {
  const { prompt, seed, steps, guidance, image } = settings;
  return JSON.stringify([
    fingerprint,
    variant,
    prompt,
    seed,
    steps,
    guidance,
    image?.key ?? null,
    ...(size === undefined ? [] : [size]),
  ]);
}

export function storedResults(): readonly GridResult[] {
  try {
    return readResults(localStorage.getItem(key));
  } catch {
    return []; // forbidden
  }
}

/** Fingerprints of the models that results are kept of. */
export const namesOfResults = (): readonly string[] => [
  ...new Set(storedResults().flatMap(({ name }) => fingerprintInName(name))),
];

/** False where this browser has no room. */
export function storeResults(results: readonly GridResult[]): boolean {
  try {
    localStorage.setItem(key, JSON.stringify(results.slice(-most)));
    return true;
  } catch {
    return false;
  }
}

export function readResults(text: string | null): readonly GridResult[] {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? '[]');
  } catch {
    return [];
  }
  if (!Array.isArray(stored)) return [];
  return stored.flatMap((value): readonly GridResult[] => {
    const { name, figures } = (value ?? {}) as Partial<Record<keyof GridResult, unknown>>;
    const read = typeof name === 'string' ? figuresIn(figures) : null;
    return read ? [{ name: name as string, figures: read }] : [];
  });
}

function figuresIn(value: unknown): ClipFigures | null {
  if (typeof value !== 'object' || value === null) return null;
  const { psnr, motionDelta, ...rest } = value as Record<keyof ClipFigures, number | null>;
  const { ssim, errorContent, errorMotion, meanSquaredError, flowEpe } = rest;
  const numbers = [ssim, errorContent, errorMotion, meanSquaredError, flowEpe];
  const good = (number: unknown) => typeof number === 'number' && Number.isFinite(number);
  if (!numbers.every(good) || !(psnr === null || good(psnr)) || !(motionDelta === null || good(motionDelta)))
    return null;
  return { ...(rest as ClipFigures), psnr: psnr ?? Infinity, motionDelta };
}
