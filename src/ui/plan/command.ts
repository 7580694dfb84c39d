/** What the page shows as a line for a shell: `vdmini compare`, or `vdmini generate` while nothing is dropped. */
import { planToOption } from '../../blocks/planText';
import { bundledModels } from '../../library/bundledModels';
import type { FolderReference } from '../../library/Folder';
import type { LatentSize } from '../../pipeline/PipelineDescription';
import type { GenerateSettings } from '../../worker/protocol';

export interface CommandInput {
  readonly folder: FolderReference;
  readonly settings: GenerateSettings;
  readonly dropped: readonly string[];
  /** Where it was asked for: the command line would open the model at another. */
  readonly size?: ClipSize | undefined;
}

export type ClipSize = Readonly<Required<LatentSize>>;

/** The size of a model that was opened at one that it does not have by itself. */
export function askedSize(asked: LatentSize, opened: ClipSize): ClipSize | undefined {
  return Object.keys(asked).length > 0 ? opened : undefined;
}

/** With the space before it; nothing where no size was asked for. */
export const sizeOption = (size: ClipSize | undefined): string =>
  size ? ` --latent-size ${size.frames}x${size.height}x${size.width}` : '';

/** For a model that is not bundled the folder is named, not found: only its name is known to the page. */
export function commandFor({ folder, settings, dropped, size }: CommandInput): string {
  return [
    'npm run --silent vdmini --',
    dropped.length > 0 ? 'compare' : 'generate',
    quoted(folderPath(folder)),
    settingOptions(folder, settings) + sizeOption(size),
    dropped.length > 0 ? `--drop ${quoted(planToOption({ dropped }))} --json` : '--out clip.gif',
  ].join(' ');
}

/** A picture of the model's own lies in its folder; of any other only the file's name is known to the page. */
function settingOptions(folder: FolderReference, { prompt, seed, steps, guidance, image }: GenerateSettings): string {
  const options = `--prompt ${quoted(prompt)} --seed ${seed} --steps ${steps} --guidance ${guidance}`;
  if (!image) return options;
  const name = image.name ?? 'picture.png';
  return `${options} --image ${quoted(name.includes('/') ? `${folderPath(folder)}/${name}` : name)}`;
}

export interface CommandStudent {
  readonly name: string;
  readonly dropped: readonly string[];
  /** Its weights are its own: they are in no plan. */
  readonly isHealed: boolean;
}

/**
 * Lines that repeat what is compared, and its report. One student is named by its blocks; of two each has a plan file, which
 * the first lines write. Healed weights are in the exported student alone, and a line says so.
 */
export function commandsFor({
  folder,
  settings,
  students,
  size,
}: Omit<CommandInput, 'dropped'> & { readonly students: readonly CommandStudent[] }): readonly string[] {
  const healed = students
    .filter(({ isHealed }) => isHealed)
    .map(
      ({ name }) =>
        `# ${name.replaceAll(/\s+/g, ' ')}: healed weights are not in a plan; export that student and open its folder`,
    );
  const [first] = students;
  if (first === undefined) return [];
  if (students.length === 1) {
    const line = commandFor({ folder, settings, dropped: first.dropped, size });
    const report = line.replace(/ -- (compare|generate) /, ' -- report ').replace(/ --json$| --out clip\.gif$/, '');
    return [...healed, line, `${report} --out report.html`];
  }
  const files = students.map((_, index) => `student-${String.fromCharCode(97 + index)}.json`);
  const writing = students.map(
    ({ dropped }, index) => `printf '%s\\n' ${quoted(JSON.stringify({ dropped }))} > ${files[index]}`,
  );
  const common = [
    quoted(folderPath(folder)),
    settingOptions(folder, settings) + sizeOption(size),
    ...files.map((file) => `--plan ${file}`),
  ].join(' ');
  const run = (command: string, end: string) => `npm run --silent vdmini -- ${command} ${common} ${end}`;
  return [...healed, ...writing, run('compare', '--json'), run('report', '--out report.html')];
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
