/**
 * Errors of plans that a search measured, in a file: a search that was stopped goes on from it, and another budget of the
 * same model and clips begins with them. And those of an `analyze` file. Figures of other clips or models are refused.
 */
import { readFile } from 'node:fs/promises';
import { StudioError } from '../errors/StudioError';
import { openSize } from '../pipeline/openSize';
import { fingerprintOf } from '../studio/fingerprint';
import type { GenerateSettings } from '../studio/GenerateSettings';
import type { UnitImportance } from '../studio/importance';
import type { Pipeline } from '../studio/Pipeline';
import type { KnownError } from '../studio/planData';
import { writeWhole } from './fileOutput';

export interface MeasuredFile {
  readonly known: readonly KnownError[];
  add(error: KnownError): void;
  write(signal: AbortSignal): Promise<void>;
}

/** What the errors belong to. */
async function subject(pipeline: Pipeline, settings: readonly GenerateSettings[]): Promise<string> {
  const size = openSize(pipeline.description);
  return JSON.stringify([await fingerprintOf(pipeline), settings.map(clipName), ...(size === undefined ? [] : [size])]);
}

/** A clip by what it is made from; a picture by its content. */
const clipName = ({ image, ...settings }: GenerateSettings) => nameOf({ ...settings, picture: image?.key });

const nameOf = ({
  prompt,
  seed,
  steps,
  guidance,
  picture,
}: Omit<GenerateSettings, 'image'> & { picture?: string | undefined }) => [
  prompt,
  seed,
  steps,
  guidance,
  ...(picture === undefined ? [] : [picture]),
];

/** A file that is not there yet begins empty. Throws `library/integrity` where it belongs to something else. */
export async function openMeasuredFile(
  path: string,
  pipeline: Pipeline,
  settings: readonly GenerateSettings[],
): Promise<MeasuredFile> {
  const own = await subject(pipeline, settings);
  const stored = await readJson(path);
  if (stored !== undefined && (stored as { subject?: unknown }).subject !== own) throw foreign(path);
  const known = [...((stored as { known?: KnownError[] } | undefined)?.known ?? [])];
  return {
    known,
    add: (error) => void known.push(error),
    write: (signal) =>
      writeWhole(path, signal, new TextEncoder().encode(JSON.stringify({ subject: own, known }) + '\n')),
  };
}

/** As `analyze` prints them. */
type WrittenSettings = Omit<GenerateSettings, 'image'> & { readonly image?: { readonly sha256: string } };

/** Each unit's own damage, from the file that `analyze` wrote. Throws `library/*`. */
export async function readImportance(
  path: string,
  pipeline: Pipeline,
  settings: readonly GenerateSettings[],
): Promise<readonly KnownError[]> {
  const stored = (await readJson(path)) as
    | {
        readonly model?: string;
        readonly latentSize?: string;
        readonly settings?: readonly WrittenSettings[];
        readonly units?: readonly UnitImportance[];
      }
    | undefined;
  if (stored === undefined)
    throw new StudioError('library/missing-file', `The importance ${path} cannot be read.`, { path });
  const written = stored.settings?.map(({ image, ...one }) => nameOf({ ...one, picture: image?.sha256 }));
  const isOfModel = stored.model === (await fingerprintOf(pipeline));
  const isOfClips = JSON.stringify(written) === JSON.stringify(settings.map(clipName));
  const isOfSize = stored.latentSize === openSize(pipeline.description);
  if (!isOfModel || !isOfClips || !isOfSize || !stored.units) throw foreign(path);
  return stored.units.map(({ plan, output: { content, motion, total } }) => ({
    plan,
    error: { content, motion, total },
  }));
}

const foreign = (path: string) =>
  new StudioError(
    'library/integrity',
    `${path} was measured on other clips, at another size or of another model. Start without it.`,
    {
      path,
    },
  );

/** Undefined where there is no such file. */
async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StudioError('library/missing-file', `${path} cannot be read.`, { path }, { cause: thrown });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StudioError('library/integrity', `${path} is not JSON.`, { path }, { cause });
  }
}
