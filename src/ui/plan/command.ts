/** What the page shows as a line for a shell: `vdmini compare`, or `vdmini generate` while nothing is dropped. */
import { planToOption } from '../../blocks/planText';
import { bundledModels } from '../../library/bundledModels';
import type { FolderReference } from '../../library/Folder';
import type { GenerateSettings } from '../../worker/protocol';

export interface CommandInput {
  readonly folder: FolderReference;
  readonly settings: GenerateSettings;
  readonly dropped: readonly string[];
}

/** For a model that is not bundled the folder is named, not found: only its name is known to the page. */
export function commandFor({ folder, settings, dropped }: CommandInput): string {
  const { prompt, seed, steps, guidance } = settings;
  return [
    'npm run --silent vdmini --',
    dropped.length > 0 ? 'compare' : 'generate',
    quoted(folderPath(folder)),
    `--prompt ${quoted(prompt)} --seed ${seed} --steps ${steps} --guidance ${guidance}`,
    dropped.length > 0 ? `--drop ${quoted(planToOption({ dropped }))} --json` : '--out clip.gif',
  ].join(' ');
}

/** Where a bundled model lies in a clone; the name of any other. */
export function folderPath(folder: FolderReference): string {
  const bundled = bundledModels.find(({ id }) => id === folder.name && folder.kind === 'url');
  return bundled ? `public/${bundled.url.replace(/\/$/, '')}` : folder.name;
}

/** As one word of a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
