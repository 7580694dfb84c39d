/** `vdmini prune`: writes a denoiser without some of its blocks, and checks the file that it wrote. */
import type { Totals } from '../../blocks/block';
import { discoverBlocks } from '../../blocks/discoverBlocks';
import { measure } from '../../blocks/countTotals';
import { prune as pruneModel } from '../../passes/prune';
import { resolvePlan } from '../../blocks/resolvePlan';
import { bindings, parseArguments, required } from '../arguments';
import type { Command } from '../Command';
import { requireFolder } from '../fileOutput';
import { readModelFile } from '../modelFile';
import { planHelp, planOptions, requirePlan } from '../planOptions';
import { percent, table, withPrefix } from '../table';
import { writeModelFile, type WrittenFile } from '../writeModelFile';

const help = `Usage: vdmini prune MODEL.onnx (--drop ID,ID... | --preset NAME | --plan FILE) --out FILE.onnx [--json]

Writes the denoiser without these blocks; its inputs, outputs and the weights that stay are unchanged. External
weights are looked for beside the model and copied range by range. The written file is read again and checked.

${planHelp}
  --out FILE          where to write; when it fails, nothing is left under this name
  --external          keep weights in FILE.data beside it (by itself when they take more than 1.5 GB)
  --bind NAME=SIZE    sizes of dynamic dimensions, for the MACs
  --latent NAME       the input that carries the latent, where it is not found by itself
  --json              what went, what it saved, and the files written
`;

const options = {
  ...planOptions,
  out: { type: 'string' },
  external: { type: 'boolean' },
  bind: { type: 'string', multiple: true },
  latent: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Above this, weights go to a second file: one protobuf message may not reach 2 GB. */
const largestSingleFileBytes = 1.5e9;

interface PruneResult {
  readonly model: string;
  readonly dropped: readonly string[];
  /** Every block that is not there any more: children of dropped ones too. */
  readonly gone: readonly string[];
  readonly before: Totals;
  readonly after: Totals;
  readonly saved: Totals;
  readonly files: readonly WrittenFile[];
}

export const prune: Command = {
  help,
  async run(args, signal) {
    const { values, positionals } = parseArguments(args, options, ['MODEL.onnx']);
    const path = positionals[0]!;
    const out = required(values.out, '--out FILE.onnx');
    const sizes = bindings(values.bind);
    await requireFolder(out);
    const model = await readModelFile(path);
    const tree = discoverBlocks(model, { bindings: sizes, latentInput: values.latent });
    const plan = await requirePlan(values, tree);
    const { goneIds } = resolvePlan(tree, plan);
    const pruned = pruneModel(model, tree, plan);
    const after = measure(pruned, sizes);
    const external = values.external === true || after.bytes > largestSingleFileBytes;
    const files = await writeModelFile(pruned, { from: path, out, external, signal });
    const result: PruneResult = {
      model: path, dropped: plan.dropped, gone: [...goneIds],
      before: tree.totals, after, saved: difference(tree.totals, after),
      files,
    };
    process.stdout.write(values.json ? JSON.stringify(result, null, 2) + '\n' : describe(result));
  },
};

const difference = (a: Totals, b: Totals): Totals => ({
  nodes: a.nodes - b.nodes,
  parameters: a.parameters - b.parameters,
  bytes: a.bytes - b.bytes,
  macs: a.macs - b.macs,
});

function describe({ before, after, saved, gone, files }: PruneResult): string {
  const row = (name: string, key: keyof Totals, unit = '') => [
    name, withPrefix(before[key], unit), withPrefix(after[key], unit), withPrefix(saved[key], unit), percent(saved[key] / before[key]),
  ];
  const rows = [row('parameters', 'parameters'), row('bytes', 'bytes', 'B'), row('MACs per call', 'macs'), row('nodes', 'nodes')];
  return [
    `${gone.length} blocks gone: ${gone.join(', ') || 'none'}\n\n`,
    table(['', 'before', 'after', 'saved', ''], rows, [1, 2, 3, 4]),
    '\n',
    ...files.map(({ path, bytes }) => `Wrote ${path} (${withPrefix(bytes, 'B')}).\n`),
  ].join('');
}
