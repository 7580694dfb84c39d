/**
 * Who makes a clip, and with what: plain values. A variant is a pipeline with edits of its components; the teacher is
 * the variant without any. What is kept per variant (sessions, clips, figures) is found by its key.
 */
import {
  COMPONENTS,
  type ComponentId,
  joinPlans,
  NOTHING_DROPPED,
  type Plan,
  planKey,
  planOfComponent,
} from '../blocks/plan';
import type { GenerateSettings } from './GenerateSettings';

/** Names a set of weights by the content of its tensors: SHA-256, hex. */
export type WeightsId = string;

/** What is off in one component, and whose weights the rest has. */
export interface Edit {
  readonly plan: Plan;
  readonly weights: WeightsId | 'original';
}

export interface Variant {
  readonly edits: Partial<Readonly<Record<ComponentId, Edit>>>;
}

/** A clip, by who makes it and how. */
export interface Take {
  readonly variant: Variant;
  readonly settings: GenerateSettings;
}

export const TEACHER: Variant = { edits: {} };

const UNCHANGED: Edit = { plan: NOTHING_DROPPED, weights: 'original' };

/** The edit of a component; of one without an edit: nothing dropped, its own weights. */
export function editOf({ edits }: Variant, component: ComponentId): Edit {
  return edits[component] ?? UNCHANGED;
}

/**
 * A plan of the whole pipeline as edits: ids that begin with a component's name and a slash
 * ('decoder/up_blocks.2.resnets.1') are that component's, all others the denoiser's.
 */
export function variantOf(plan: Plan, weights: Partial<Record<ComponentId, WeightsId>> = {}): Variant {
  const edits: Partial<Record<ComponentId, Edit>> = {};
  for (const component of COMPONENTS) {
    const own = { plan: planOfComponent(plan, component), weights: weights[component] ?? 'original' };
    if (own.plan.dropped.length > 0 || own.weights !== 'original') edits[component] = own;
  }
  return { edits };
}

/** The inverse of `variantOf`, as far as plans go: ids of the decoder's blocks with their component's name. */
export function planOf(variant: Variant): Plan {
  return joinPlans({ denoiser: editOf(variant, 'denoiser').plan, decoder: editOf(variant, 'decoder').plan });
}

/** Equal for variants that do the same: the order of a plan's ids has no meaning. */
export function variantKey(variant: Variant): string {
  const parts = COMPONENTS.flatMap((component) => {
    const { plan, weights } = editOf(variant, component);
    if (plan.dropped.length === 0 && weights === 'original') return [];
    return [[component, weights, planKey(plan)]];
  });
  return JSON.stringify(parts);
}

/** Equal for takes that give the same clip. */
export function takeKey({ variant, settings }: Take): string {
  const { prompt, seed, steps, guidance } = settings;
  return JSON.stringify([prompt, seed, steps, guidance, imageKey(settings), variantKey(variant)]);
}

function imageKey({ image }: GenerateSettings): string {
  return image === undefined ? '' : image.key;
}
