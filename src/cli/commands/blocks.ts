/** `vdmini blocks`: the block tree of a denoiser, as a table or as JSON. */
import type { Block, BlockTree } from '../../blocks/block';
import { parseArguments } from '../arguments';
import type { Command } from '../Command';
import { denoiserHelp, denoiserOptions, openDenoiser } from '../openDenoiser';
import { percent, table, withPrefix } from '../table';

const help = `Usage: vdmini blocks MODEL.onnx [--json]

Shows the blocks of a denoiser: which can be dropped, and what each costs. Weights in external files are not read.

${denoiserHelp}
  --json                 {"model": {"nodes", "parameters", "bytes"}, "blocks": [{"id", "kind", "depth", "parameters",
                         "macs", "droppable", "reason"?, "children"?}]}
`;

const options = {
  ...denoiserOptions,
  json: { type: 'boolean' },
} as const;

export const blocks: Command = {
  help,
  async run(args) {
    const { values, positionals } = parseArguments(args, options, ['MODEL.onnx']);
    const { tree } = await openDenoiser(positionals[0]!, values);
    process.stdout.write(values.json ? JSON.stringify(treeJson(tree), null, 2) + '\n' : treeText(tree));
  },
};

/** Groups (`inner-stages`) come after the tree: they name stages that the tree has already. */
function treeJson(tree: BlockTree): unknown {
  const { nodes, parameters, bytes } = tree.totals;
  return { model: { nodes, parameters, bytes }, blocks: [...tree.blocks, ...tree.groups].map(blockJson) };
}

function blockJson(block: Block): unknown {
  const { id, kind, depth, parameters, macs, droppable, reason, children, members } = block;
  return {
    id,
    kind,
    depth,
    parameters,
    macs,
    droppable,
    ...(reason === undefined ? {} : { reason }),
    ...(members === undefined ? {} : { members }),
    ...(children.length === 0 ? {} : { children: children.map(blockJson) }),
  };
}

function droppable({ droppable, reason, members }: Block): string {
  if (!droppable) return `no: ${reason}`;
  return members === undefined ? 'yes' : `yes: ${members.join(', ')}`;
}

function treeText(tree: BlockTree): string {
  const { totals } = tree;
  const row = (block: Block, indent: number): string[] => [
    '  '.repeat(indent) + block.id,
    block.kind,
    withPrefix(block.parameters),
    percent(block.parameters / totals.parameters),
    withPrefix(block.macs),
    percent(block.macs / totals.macs),
    droppable(block),
  ];
  const rows = (list: readonly Block[], indent: number): string[][] =>
    list.flatMap((block) => [row(block, indent), ...rows(block.children, indent + 1)]);
  const header = ['block', 'kind', 'parameters', '', 'MACs', '', 'droppable'];
  const summary = `${totals.nodes} nodes, ${withPrefix(totals.parameters)} parameters, ${withPrefix(totals.bytes, 'B')}, ${withPrefix(totals.macs)} MACs per call`;
  return [
    summary + '\n\n',
    table(header, rows([...tree.blocks, ...tree.groups], 0), [2, 3, 4, 5]),
    ...tree.notes.map((note) => `\nNote: ${note}`),
    tree.notes.length > 0 ? '\n' : '',
  ].join('');
}
