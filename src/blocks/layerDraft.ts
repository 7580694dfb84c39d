/**
 * One layer of a network as a draft: a leaf, or a unit around inner ones that can go alone (the spatial and temporal
 * sides of a video resnet, the transformer blocks inside an attention layer).
 */
import { present } from '../errors/present';
import type { AtomTree } from './atomTree';
import { isPlainBlend, kindOf } from './atomTree';
import type { BlockKind } from './block';
import type { Draft, Place } from './draft';
import { draftOfAtoms } from './draft';
import type { Flow } from './flow';
import { commonPath, isInside, lastNumberedModule } from './scopes';

export interface LayerOptions {
  readonly place: Place;
  /** Id of what the layer is in, for layers without a module path. */
  readonly prefix: string;
  /** How often an id was given in this parent. */
  readonly names: Map<string, number>;
  readonly area?: number | undefined;
}

/** `atoms`: what the layer is made of, one after the other. */
export function layerDraft(flow: Flow, atoms: readonly AtomTree[], options: LayerOptions): Draft {
  const { place, prefix, names, area } = options;
  const [head, ...rest] = atoms as [AtomTree, ...AtomTree[]];
  const kind = kindOf(flow, head, { area, attentionsBefore: names.get(`${prefix}.spatial`) ?? 0 });
  const path = commonPath(atoms.map((tree) => tree.path));
  const id = unique(names, path || `${prefix}.${kind}`);
  const children =
    rest.length > 0
      ? atoms.map((tree, i) => innerDraft(flow, [tree], id, path, place, area, i === 0 ? 'spatial' : 'temporal'))
      : innerDrafts(flow, head, id, path, place, area);
  if (rest.length === 0) return draftOfAtoms(flow, id, kind, place, atoms, children);
  const whole = draftOfAtoms(flow, id, kind, place, atoms, children);
  const kept = children.find(({ reason }) => reason !== undefined);
  return kept ? { ...whole, reason: `${kept.id} in it has to stay. ${kept.reason}` } : whole;
}

/** Inner units when there are at least two, or one inside a blend: one alone is as good as the layer itself. */
function innerDrafts(
  flow: Flow,
  tree: AtomTree,
  id: string,
  layerPath: string,
  place: Place,
  area: number | undefined,
): readonly Draft[] {
  if (isPlainBlend(flow, tree)) return [];
  const groups: AtomTree[][] = [];
  for (const child of tree.children) {
    const current = groups.at(-1);
    const joins =
      current &&
      child.atom.kind !== 'blend' &&
      present(current[0]).atom.kind !== 'blend' &&
      innerModule(layerPath, child.path) === innerModule(layerPath, present(current[0]).path);
    const unnamed =
      current && child.path === '' && child.atom.kind !== 'blend' && present(current[0]).atom.kind !== 'blend';
    if (current && (joins || unnamed)) current.push(child);
    else groups.push([child]);
  }
  if (groups.length < 2 && tree.atom.kind !== 'blend') return [];
  const suffixes = tree.atom.kind === 'blend' ? ['temporal'] : ['spatial', 'temporal'];
  return groups.map((group, i) =>
    innerDraft(flow, group, id, layerPath, place, area, suffixes[i] ?? `${present(suffixes.at(-1))}.${i}`),
  );
}

/**
 * The first numbered module below a layer, such as a transformer block. The last would be too narrow where only the last
 * weights of a branch are named, as in dynamo graphs that onnxruntime saved.
 */
function innerModule(layer: string, path: string): string {
  const inner = isInside(path, layer) ? /^.*?\.\d+(?=\.|$)/.exec(path.slice(layer.length)) : null;
  return inner ? `${layer}${inner[0]}` : lastNumberedModule(path);
}

function innerDraft(
  flow: Flow,
  group: readonly AtomTree[],
  parent: string,
  layerPath: string,
  place: Place,
  area: number | undefined,
  suffix: string,
): Draft {
  const head = present(group[0]);
  const isMixer = head.atom.kind === 'blend' && !isPlainBlend(flow, head);
  const path = lastNumberedModule(commonPath(group.map((tree) => tree.path)));
  const own = group.length === 1 && !isMixer ? head.path : path;
  const id = isMixer
    ? `${parent}.time_mixer`
    : own !== layerPath && layerPath !== '' && own.startsWith(`${layerPath}.`)
      ? own
      : `${parent}.${suffix}`;
  const kinds = group.map((tree) => kindOf(flow, tree, { area }));
  const kind: BlockKind =
    kinds.find(
      (found) => found === 'spatial' || found === 'temporal' || found === 'resnet' || found === 'temporal-conv',
    ) ?? present(kinds[0]);
  const children = group.length === 1 ? innerDrafts(flow, head, id, layerPath, place, area) : [];
  return draftOfAtoms(flow, id, kind, place, group, children);
}

export function unique(names: Map<string, number>, id: string): string {
  const count = names.get(id) ?? 0;
  names.set(id, count + 1);
  return count === 0 ? id : `${id}.${count}`;
}
