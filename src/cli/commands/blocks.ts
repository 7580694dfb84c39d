/** `vdmini blocks`: the block tree of a denoiser, or of a pipeline's denoiser and decoder, as a table or as JSON. */

import { basename } from 'node:path';
import type { Block, BlockTree } from '../../blocks/block';
import { within } from '../../blocks/plan';
import type { NodeDevice } from '../../runtime/nodeDevices';
import type { CheckedId, CheckIdsProgress, IdVerdict } from '../../studio/checkIds';
import { type MappedGraph, weightsOf } from '../../studio/openGraph';
import { device, deviceHelp, parseArguments } from '../arguments';
import type { Command } from '../Command';
import { isPipeline } from '../decoderSizes';
import { denoiserHelp, denoiserOptions, folderOfFile, openDenoiser } from '../openDenoiser';
import { type PipelineTrees, pipelineTrees } from '../pipelineBlocks';
import { percent, table, withPrefix } from '../table';

const help = `Usage: vdmini blocks MODEL.onnx [--check] [--json]
       vdmini blocks FOLDER [--json]

Shows the blocks of a denoiser: which can be dropped, and what each costs. Weights in external files are not read, unless
--check runs the model. Of a pipeline folder the decoder's too, under the ids that --drop takes
(decoder/up_blocks.2.resnets.1).

${denoiserHelp}
  --check                whether each id names what its cut removes: the modules that it names are made neutral in the whole
                         model, which has to give what the cut gives. Two runs a block. Ends with 1 where an id is wrong
${deviceHelp}
  --json                 {"model": {"nodes", "parameters", "bytes"}, "blocks": [{"id", "kind", "depth", "parameters",
                         "macs", "droppable", "reason"?, "children"?}], "checked"?: [{"id", "verdict", "difference",
                         "effect"}]}; a verdict is "right", "wrong", "open" (the block is more than residual branches:
                         nothing follows) or "no-effect" (dropping it changes nothing, so nothing is proved).
                         Of a folder also "decoder": {"model", "blocks"}
`;

const options = {
  ...denoiserOptions,
  check: { type: 'boolean' },
  device: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const blocks: Command = {
  help,
  async run(args, signal) {
    const { values, positionals } = parseArguments(args, options, ['MODEL.onnx']);
    const [path] = positionals as [string];
    if (!values.check && (await isPipeline(path))) return showPipeline(await pipelineTrees(path, values), values.json);
    const mapped = await openDenoiser(path, values);
    const checked = values.check ? await check(path, mapped, device(values.device), signal) : undefined;
    const json = () => JSON.stringify({ ...treeJson(mapped.tree), ...(checked && { checked }) }, null, 2) + '\n';
    process.stdout.write(values.json ? json() : treeText(mapped.tree) + (checked ? checkedText(checked) : ''));
    if (checked?.some(({ verdict }) => verdict === 'wrong')) process.exitCode = 1;
  },
};

function showPipeline({ tree, decoder }: PipelineTrees, asJson: boolean | undefined): void {
  const json = () => ({ ...treeJson(tree), ...(decoder ? { decoder: treeJson(decoder) } : {}) });
  const text = () => treeText(tree) + (decoder ? `\nDecoder: ${treeText(decoder)}` : '');
  process.stdout.write(asJson ? JSON.stringify(json(), null, 2) + '\n' : text());
}

async function check(
  path: string,
  { model, tree, bindings }: MappedGraph,
  on: NodeDevice,
  signal: AbortSignal,
): Promise<readonly CheckedId[]> {
  const [{ checkIds }, { openNodeDevice }] = await Promise.all([
    import('../../studio/checkIds'),
    import('../../runtime/openNodeDevice'),
  ]);
  const externalData = await weightsOf(await folderOfFile(path), basename(path), model);
  const onProgress = ({ done, of }: CheckIdsProgress): void => {
    if (process.stderr.isTTY) process.stderr.write(`\rblock ${done} of ${of}${done === of ? '\n' : ''}`);
  };
  return checkIds(await openNodeDevice(on), model, tree, { bindings, externalData, signal, onProgress });
}

const VERDICTS: Readonly<Record<IdVerdict, string>> = {
  right: 'name what their cut removes',
  wrong: 'DO NOT name what their cut removes',
  open: 'are more than residual branches: not to be told this way',
  'no-effect': 'change nothing when they are dropped: nothing is proved',
};

function checkedText(checked: readonly CheckedId[]): string {
  const line = (verdict: IdVerdict): string => {
    const ids = checked.filter((one) => one.verdict === verdict).map(({ id }) => id);
    const named = verdict === 'right' ? '' : `: ${ids.join(', ')}`;
    return ids.length === 0 ? '' : `${ids.length} ids ${VERDICTS[verdict]}${named}\n`;
  };
  return '\n' + (['right', 'wrong', 'open', 'no-effect'] as const).map(line).join('');
}

/** Groups (`inner-stages`) come after the tree: they name stages that the tree has already. */
function treeJson(tree: BlockTree) {
  const { nodes, parameters, bytes } = tree.totals;
  const blocks = [...tree.blocks, ...tree.groups].map((block) => blockJson(tree, block));
  return { model: { nodes, parameters, bytes }, blocks };
}

/** With what can go inside layers among the children. */
function blockJson(tree: BlockTree, block: Block): unknown {
  const { id, kind, depth, parameters, macs, droppable, reason, members } = block;
  const children = within(tree, block);
  return {
    id,
    kind,
    depth,
    parameters,
    macs,
    droppable,
    ...(reason === undefined ? {} : { reason }),
    ...(members === undefined ? {} : { members }),
    ...(children.length === 0 ? {} : { children: children.map((child) => blockJson(tree, child)) }),
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
    list.flatMap((block) => [row(block, indent), ...rows(within(tree, block), indent + 1)]);
  const header = ['block', 'kind', 'parameters', '', 'MACs', '', 'droppable'];
  const summary = `${totals.nodes} nodes, ${withPrefix(totals.parameters)} parameters, ${withPrefix(totals.bytes, 'B')}, ${withPrefix(totals.macs)} MACs per call`;
  return [
    summary + '\n\n',
    table(header, rows([...tree.blocks, ...tree.groups], 0), [2, 3, 4, 5]),
    ...tree.notes.map((note) => `\nNote: ${note}`),
    tree.notes.length > 0 ? '\n' : '',
  ].join('');
}
