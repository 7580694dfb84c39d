/**
 * What can go inside the layers of a U-Net: the transformer block of an attention layer, its attention, its feed-forward.
 * Read from the modules that an exporter wrote down; a graph without them has layers alone. They stand beside the tree,
 * which ends at layers: those are what maps show and sweeps measure.
 */
import { present } from '../errors/present';
import { countMacs } from '../onnx/shapes/countMacs';
import type { AtomTree } from './atomTree';
import type { Block, BlockKind } from './block';
import { weightsOf } from './countTotals';
import { stayingReason } from './draft';
import type { Flow } from './flow';
import { exclusiveNodes } from './graphIndex';
import type { Modules } from './modules';
import { modulesAround } from './modules';
import { type ModuleUnit, moduleUnits } from './moduleUnits';
import { isAttention } from './operators';
import { isInside } from './scopes';
import { inStructuralOrder } from './transformerTree';

/** `trees`: all atoms; `blocks`: the finished tree. Parts of a part are its children. */
export function layerParts(
  flow: Flow,
  modules: Modules,
  trees: readonly AtomTree[],
  blocks: readonly Block[],
): readonly Block[] {
  const known = new Map<string, Block>();
  const add = (block: Block): void => {
    known.set(block.id, block);
    block.children.forEach(add);
  };
  blocks.forEach(add);
  const layers = [...known.values()].filter(({ kind }) => kind !== 'stage' && kind !== 'pair');
  const layerIds = new Set(layers.map(({ id }) => id));
  const layerOf = (unit: ModuleUnit): Block | undefined => {
    const around = modulesAround(unit.module, modules.called).findLast((path) => layerIds.has(path));
    return around === undefined || around === unit.id ? undefined : known.get(around);
  };
  const counts = counter(flow);
  const units = moduleUnits(flow, modules, inStructuralOrder(flow, trees)).flatMap((unit) => {
    const layer = unit.reason === undefined && unit.role !== 'part' && !known.has(unit.id) ? layerOf(unit) : undefined;
    return layer ? [{ unit, layer }] : [];
  });
  const made = (layer: Block, outer: string): readonly Block[] => {
    const inside = units.filter((one) => one.layer === layer && one.unit.id !== outer && isInside(one.unit.id, outer));
    const direct = inside.filter(
      ({ unit }) => !inside.some((other) => other.unit !== unit && isInside(unit.id, other.unit.id)),
    );
    return direct.flatMap(({ unit }) => {
      const part = partOf(flow, unit, layer, counts, made(layer, unit.id));
      return part ? [outer === layer.id ? { ...part, inside: layer.id } : part] : [];
    });
  };
  return [...new Set(units.map(({ layer }) => layer))].flatMap((layer) => made(layer, layer.id));
}

function partOf(
  flow: Flow,
  unit: ModuleUnit,
  { section, level, depth }: Block,
  counts: ReturnType<typeof counter>,
  children: readonly Block[],
): Block | undefined {
  const nodes = exclusiveNodes(
    flow,
    unit.rewires.map(({ exit }) => exit),
    unit.rewires.map(({ entry }) => entry),
  );
  if (unit.rewires.length === 0 || stayingReason(flow, nodes) !== undefined) return undefined;
  return {
    id: unit.id,
    kind: kindOfPart(flow, unit),
    section,
    level,
    depth,
    ...counts(nodes),
    droppable: true,
    rewires: unit.rewires.map(({ exit, entry }) => ({
      exit: present(flow.names[exit]),
      entry: present(flow.names[entry]),
    })),
    children,
    output: present(flow.names[present(unit.rewires.at(-1)).exit]),
  };
}

function kindOfPart(flow: Flow, { role, trees }: ModuleUnit): BlockKind {
  if (role === 'module' && trees.length > 1) return 'transformer';
  const attends = trees.some(({ atom }) => atom.branch.some((node) => isAttention(present(flow.nodes[node]))));
  return attends ? 'attention' : 'feed-forward';
}

/** Weights that these nodes alone read, and their multiplications. */
function counter(flow: Flow) {
  const weights = weightsOf(flow.graph);
  return (nodes: readonly number[]): Pick<Block, 'parameters' | 'bytes' | 'macs'> => {
    const own = new Set(nodes);
    const read = new Set(nodes.flatMap((node) => present(flow.uses[node])));
    const held = [...read].flatMap((value) =>
      present(flow.users[value]).every((user) => own.has(user)) ? (weights.get(present(flow.names[value])) ?? []) : [],
    );
    return {
      parameters: held.reduce((sum, { parameters }) => sum + parameters, 0),
      bytes: held.reduce((sum, { bytes }) => sum + bytes, 0),
      macs: nodes.reduce((sum, node) => sum + countMacs(present(flow.nodes[node]), flow.types), 0),
    };
  };
}
