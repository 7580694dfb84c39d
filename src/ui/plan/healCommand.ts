/** Healing as the page would do it, as a line for a shell. */
import { planToOption } from '../../blocks/planText';
import type { FolderReference } from '../../library/Folder';
import { defaultHealSettings, type HealSettings } from '../../worker/protocol';
import { type ClipSize, folderPath, quoted, sizeOption } from './command';

export interface HealCommandInput {
  readonly folder: FolderReference;
  readonly dropped: readonly string[];
  readonly settings: HealSettings;
  readonly size?: ClipSize | undefined;
  /** The model's own sampling, which needs no saying. */
  readonly defaults: { readonly steps: number; readonly guidance: number };
}

/** What is as `vdmini heal` has it anyhow is left out. Of students with the model's own weights: it knows no others. */
export function healCommand({ folder, dropped, settings, defaults, size }: HealCommandInput): string {
  const usual = defaultHealSettings;
  const options: readonly (string | false | undefined)[] = [
    settings.minutes === undefined ? `--steps ${settings.steps}` : `--minutes ${settings.minutes}`,
    settings.batch !== usual.batch && `--batch ${settings.batch}`,
    settings.stages.join() !== usual.stages.join() && `--stages ${settings.stages.join(',')}`,
    settings.learningRate !== usual.learningRate && `--rate ${settings.learningRate ?? 'test'}`,
    settings.icdWeight !== usual.icdWeight && `--icd ${settings.icdWeight}`,
    settings.icdNormalised && '--icd-normalised',
    settings.mcaWeight !== usual.mcaWeight && `--mca ${settings.mcaWeight}`,
    settings.highNoise !== usual.highNoise && `--high-noise ${settings.highNoise}`,
    settings.train !== undefined && settings.train !== 'all' && `--train ${quoted(settings.train)}`,
    settings.clips !== usual.clips && `--clips ${settings.clips}`,
    settings.samplingSteps !== defaults.steps && `--sampling-steps ${settings.samplingSteps}`,
    settings.guidance !== defaults.guidance && `--guidance ${settings.guidance}`,
    settings.seed !== usual.seed && `--seed ${settings.seed}`,
  ];
  return [
    'npm run --silent vdmini -- heal',
    quoted(folderPath(folder)),
    `--drop ${quoted(planToOption({ dropped }))}${sizeOption(size)}`,
    ...options.filter((option) => typeof option === 'string'),
    '--out healed',
  ].join(' ');
}
