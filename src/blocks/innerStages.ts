/**
 * Units that cross stages: everything below one resolution (the deepest stages of both sides, the mid block and the
 * samplers around them), which goes where the value before the downsampler fits the value after the upsampler.
 */
import type { Node } from '../onnx/model';
import type { Block } from './block';
import type { Dataflow } from './dataflow';
import { dataInputs, sameType } from './dataflow';
import type { Layer } from './discoverBlocks';

/** Legal units, deepest first: id `inner_stages.L` removes all stages of level L and deeper. */
export function innerStages(flow: Dataflow, layers: readonly Layer[], blocks: readonly Block[]): readonly Block[] {
  const stages = blocks.filter(({ kind }) => kind === 'stage');
  const deepest = Math.max(0, ...stages.map(({ level }) => level));
  const groups: Block[] = [];
  for (let level = deepest; level >= 1; level--) {
    const inside = stages.filter((stage) => stage.level >= level || stage.section === 'mid').map(({ id }) => id);
    const sampler = layers.find(({ path, block }) => path.kind === 'sampler' && block.section === 'down' && block.level === level - 1);
    if (!sampler) continue;
    const members = layers.filter((layer) => layer === sampler || inside.includes(layer.path.stage ?? ''));
    const group = innerGroup(flow, level, members, [sampler.block.id, ...inside]);
    if (group) groups.push(group);
  }
  return groups;
}

function innerGroup(flow: Dataflow, level: number, layers: readonly Layer[], members: readonly string[]): Block | undefined {
  const region = new Set(layers.flatMap(({ nodes }) => [...nodes]));
  // Joins between layers of the region belong to no layer: whatever reads only from the region and feeds only it.
  for (const node of flow.order) {
    if (region.has(node) || !node.outputs.some((name) => flow.trunk.has(name))) continue;
    const users = node.outputs.flatMap((name) => flow.usedBy.get(name) ?? []);
    if (users.length > 0 && users.every((user) => region.has(user)) && dataInputs(node).some((name) => made(flow, region, name))) region.add(node);
  }
  const exits = [...region].flatMap((node) => node.outputs).filter((name) => flow.trunk.has(name) && (flow.usedBy.get(name) ?? []).some((user) => !region.has(user)));
  const entries = new Set([...region].flatMap((node) => dataInputs(node)).filter((name) => flow.trunk.has(name) && !made(flow, region, name)));
  const [exit, entry] = [exits[0], [...entries][0]];
  if (exit === undefined || entry === undefined || exits.length !== 1 || entries.size !== 1 || !sameType(flow, exit, entry)) return undefined;
  const blocks = layers.map(({ block }) => block);
  const sum = (key: 'parameters' | 'bytes' | 'macs') => blocks.reduce((total, block) => total + block[key], 0);
  return {
    id: `inner_stages.${level}`,
    kind: 'inner-stages',
    section: 'mid',
    level,
    depth: Math.min(...blocks.map(({ depth }) => depth)),
    parameters: sum('parameters'),
    bytes: sum('bytes'),
    macs: sum('macs'),
    droppable: true,
    rewires: [{ exit, entry }],
    children: [],
    members,
    output: exit,
  };
}

function made(flow: Dataflow, region: ReadonlySet<Node>, name: string): boolean {
  const node = flow.madeBy.get(name);
  return node !== undefined && region.has(node);
}
