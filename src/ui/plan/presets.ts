/** Ready-made cuts in the order of the page: the folder's own measured ones first, then those by rule, all-on last. */

import { type ComponentId, indexBlocks, joinPlans } from '../../blocks/plan';
import type { Preset } from '../../blocks/presets';
import type { OpenedPipeline } from '../../worker/protocol';

type Opened = Pick<OpenedPipeline, 'description' | 'presets' | 'tree' | 'decoder'>;

const known = new WeakMap<Opened, readonly Preset[]>();

/** Cuts of the folder whose blocks this model does not all have are left out. */
export function presetsOf(opened: Opened): readonly Preset[] {
  let presets = known.get(opened);
  if (!presets) {
    const index = indexBlocks(opened.tree);
    const given = (opened.description.presets ?? [])
      .filter(({ dropped }) => dropped.every((id) => index.get(id)?.block.droppable === true))
      .map(({ id, label, description, dropped }) => ({ id, label, description, plan: { dropped } }));
    const teacher = opened.presets.find(({ id }) => id === 'teacher');
    presets = [
      ...given,
      ...opened.presets.filter(({ id }) => id !== 'teacher'),
      ...(teacher ? [{ ...teacher, label: 'All on' }] : []),
    ];
    known.set(opened, presets);
  }
  return presets;
}

const knownOfDecoder = new WeakMap<object, readonly Preset[]>();

/** Ready-made cuts of one component, under the ids of plans. */
export function presetsOfComponent(opened: Opened, id: ComponentId): readonly Preset[] {
  const { decoder } = opened;
  if (id === 'denoiser' || !decoder) return presetsOf(opened);
  const found =
    knownOfDecoder.get(decoder) ??
    [...decoder.presets]
      .sort((a, b) => Number(a.id === 'teacher') - Number(b.id === 'teacher'))
      .map((preset) => ({
        ...preset,
        plan: joinPlans({ decoder: preset.plan }),
        ...(preset.id === 'teacher' ? { id: 'teacher-decoder', label: 'All on' } : {}),
      }));
  knownOfDecoder.set(decoder, found);
  return found;
}
