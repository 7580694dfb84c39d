/** What every file that leaves the page says of where it came from: model, plan, prompt, settings, version. */

import { type Plan, pipelineTree } from '../../blocks/plan';
import { writePlanFile } from '../../blocks/planText';
import { type CsvComment, csvComments } from '../../metrics/csvComments';
import type { GenerateSettings, OpenedPipeline } from '../../worker/protocol';
import { studioVersion } from '../version';
import { cutName, describeCut } from './cut';

export interface Provenance {
  readonly model: string;
  /** SHA-256 over all graphs with their weights and the scheduler. */
  readonly fingerprint: string;
  readonly cut: string;
  readonly dropped: readonly string[];
  readonly settings: Omit<GenerateSettings, 'image'> & {
    /** What the clip begins with, by its file and the SHA-256 of its pixels (RGBA, at the model's size). */
    readonly picture?: { readonly name?: string; readonly sha256: string };
  };
  readonly version: string;
}

type Opened = Pick<OpenedPipeline, 'description' | 'presets' | 'tree' | 'decoder'>;

export function provenanceOf(
  open: Opened & { readonly fingerprint: string },
  plan: Plan,
  { prompt, seed, steps, guidance, image }: GenerateSettings,
): Provenance {
  return {
    model: open.description.name,
    fingerprint: open.fingerprint,
    cut: plan.dropped.length === 0 ? 'nothing' : describeCut(pipelineTree(open.tree, open.decoder?.tree), plan),
    dropped: plan.dropped,
    settings: {
      prompt,
      seed,
      steps,
      guidance,
      ...(image ? { picture: { ...(image.name ? { name: image.name } : {}), sha256: image.key } } : {}),
    },
    version: `VDMini Studio ${studioVersion}`,
  };
}

/** Of this studio, as the last part of a file's name. */
export const versionInName = `v${studioVersion}`;

/**
 * 'emoji-t2v-vdmini-red-apple-seed1-steps4-guidance1-metrics-v0.1.0': model, cut, prompt, settings, what of it (`further`),
 * version; no ending.
 */
export function fileStem(
  open: Opened,
  plan: Plan,
  { prompt, seed, steps, guidance, image }: GenerateSettings,
  ...further: readonly string[]
): string {
  const words = prompt.split(/\s+/).filter((word) => !/^(a|an|the|on|of|in)$/i.test(word));
  return [
    open.description.name.replace(/\.onnx$/, ''),
    cutName(open, plan),
    words.slice(0, 4).join('-'),
    image?.name?.replace(/^.*\//, '').replace(/\.\w+$/, '') ?? '',
    `seed${seed}-steps${steps}-guidance${guidance}`,
    ...further,
    versionInName,
  ]
    .map((part) =>
      part
        .replace(/[^\p{L}\p{N}._]+/gu, '-')
        .replace(/^-+|-+$/g, '')
        .slice(0, 60),
    )
    .filter((part) => part !== '')
    .join('-');
}

/** A plan file: what `readPlan` reads, and where it came from. */
export function planFileText(
  provenance: Provenance,
  student: { readonly name?: string; readonly weights?: string } = {},
): string {
  const { dropped, ...rest } = provenance;
  return writePlanFile({ dropped }, { ...rest, ...student });
}

/** As comment lines before a CSV's own. */
export function csvHeader({ model, fingerprint, cut, dropped, settings, version }: Provenance): string {
  const { picture } = settings;
  const lines: readonly CsvComment[] = [
    ['version', version],
    ['model', model],
    ['model_sha256', fingerprint],
    ['cut', cut],
    ['dropped', dropped.join(' ')],
    ['prompt', settings.prompt],
    ['seed', settings.seed],
    ['steps', settings.steps],
    ['guidance', settings.guidance],
    ...(picture ? [['picture', picture.name ?? ''] as const, ['picture_sha256', picture.sha256] as const] : []),
  ];
  return csvComments(lines);
}
