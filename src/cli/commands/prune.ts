/** `vdmini prune`: writes a denoiser without some of its blocks, and checks the file that it wrote. */

import type { Totals } from '../../blocks/block';
import { measure } from '../../blocks/countTotals';
import { resolvePlan } from '../../blocks/plan';
import { present } from '../../errors/present';
import type { Model } from '../../onnx/model';
import { prune as pruneModel } from '../../passes/prune';
import type { SessionModel } from '../../runtime/Runtime';
import type { GenerateSettings } from '../../studio/GenerateSettings';
import { type Origin, withOrigin } from '../../studio/origin';
import { decimal, integer, latentSize, parseArguments, required } from '../arguments';
import type { Command } from '../Command';
import { requireFolder } from '../fileOutput';
import { denoiserHelp, denoiserOptions, openDenoiser } from '../openDenoiser';
import { originOnDisk } from '../originOnDisk';
import { planOfFile } from '../planOfFile';
import { denoiserPlanHelp, describeCut, planOptions, requirePlan } from '../planOptions';
import { percent, table, withPrefix } from '../table';
import type { Verification, verifyPruned } from '../verifyPruned';
import { type WrittenFile, writeModelFile } from '../writeModelFile';

const help = `Usage: vdmini prune MODEL.onnx (--drop ID,ID... | --preset NAME | --plan FILE) --out FILE.onnx [--json]

Writes the denoiser without these blocks; its inputs, outputs and the weights that stay are unchanged. External
weights are looked for beside the model and copied range by range. The written file is read again and checked.
The decoder of a pipeline is pruned the same way, by its own file; of a plan of the whole pipeline (decoder/ID) each
file takes what is its own.

${denoiserPlanHelp}
  --out FILE          where to write; when it fails, what was there stays as it was
  --external          keep weights in FILE.data beside it, or in FILE.2.data where an older one is replaced (by itself
                      when they take more than 1.5 GB)
  --verify            before the file gets its name: compare its graph with the pruned one and its weights byte for byte
                      with the original's, run it in onnxruntime on one seeded input, and compare what comes out with
                      the studio's preview of the same plan
  --seed N            seed of that input (default 1)
  --prompt TEXT, --steps N, --guidance X
                      with --seed, the settings of the clip that the student was seen in (default: the pipeline's own).
                      The file's metadata_props hold them beside model, plan and version, as an export of the page does
${denoiserHelp}
  --json              what went, what it saved, and the files written
`;

const options = {
  ...planOptions,
  out: { type: 'string' },
  external: { type: 'boolean' },
  verify: { type: 'boolean' },
  seed: { type: 'string' },
  prompt: { type: 'string' },
  steps: { type: 'string' },
  guidance: { type: 'string' },
  ...denoiserOptions,
  json: { type: 'boolean' },
} as const;

/** Above this, weights go to a second file: one protobuf message may not reach 2 GB. */
const largestSingleFileBytes = 1.5e9;

interface PruneResult {
  readonly model: string;
  readonly dropped: readonly string[];
  /** Every block that is not there any more: children of dropped ones too. */
  readonly gone: readonly string[];
  /** Of a plan of the whole pipeline: what another of its files has. */
  readonly elsewhere?: readonly string[];
  readonly before: Totals;
  readonly after: Totals;
  readonly saved: Totals;
  readonly files: readonly WrittenFile[];
  readonly verification?: Verification;
}

export const prune: Command = {
  help,
  async run(args, signal) {
    const { values, positionals } = parseArguments(args, options, ['MODEL.onnx']);
    const path = present(positionals[0]);
    const out = required(values.out, '--out FILE.onnx');
    const seed = integer(values.seed, '--seed', { min: 0, max: 2 ** 32 - 1 }, 1);
    await requireFolder(out);
    const { model, tree, bindings } = await openDenoiser(path, values);
    const size = latentSize(values['latent-size']);
    const { plan, elsewhere } = await planOfFile(path, await requirePlan(values, tree), tree, size);
    const { goneIds } = resolvePlan(tree, plan);
    const origin: Origin = { plan, weights: 'original', ...(await seenIn(path, model, { ...values, seed })) };
    const pruned = withOrigin(pruneModel(model, tree, plan), origin);
    const after = measure(pruned, bindings);
    const external = values.external === true || after.bytes > largestSingleFileBytes;
    const request = { seed, latentSize: size, origin, signal };
    const { files, checked: verification } = await writeModelFile(pruned, {
      from: path,
      out,
      external,
      signal,
      ...(values.verify ? { check: (written: SessionModel) => verify(path, plan, written, request) } : {}),
    });
    const result: PruneResult = {
      model: path,
      dropped: plan.dropped,
      gone: [...goneIds],
      ...(elsewhere.length > 0 ? { elsewhere } : {}),
      before: tree.totals,
      after,
      saved: difference(tree.totals, after),
      files,
      ...(verification && { verification }),
    };
    process.stdout.write(values.json ? JSON.stringify(result, null, 2) + '\n' : describe(result));
  },
};

/** Of which model, and with what settings, as far as they were given. */
async function seenIn(
  path: string,
  model: Model,
  { prompt, seed, steps, guidance }: Partial<Record<'prompt' | 'steps' | 'guidance', string>> & { seed: number },
): Promise<Pick<Origin, 'model' | 'settings'>> {
  const { name, defaults } = await originOnDisk(path, model);
  const settings: GenerateSettings = {
    prompt: prompt ?? defaults.prompt,
    seed,
    steps: integer(steps, '--steps', { min: 1, max: 1000 }, defaults.steps),
    guidance: decimal(guidance, '--guidance', 0, defaults.guidance),
  };
  return { model: name, settings };
}

/** The runtime is loaded for this alone. */
const verify = async (...args: Parameters<typeof verifyPruned>) =>
  (await import('../verifyPruned')).verifyPruned(...args);

const difference = (a: Totals, b: Totals): Totals => ({
  nodes: a.nodes - b.nodes,
  parameters: a.parameters - b.parameters,
  bytes: a.bytes - b.bytes,
  macs: a.macs - b.macs,
});

function describe({ before, after, saved, dropped, gone, elsewhere, files, verification }: PruneResult): string {
  const row = (name: string, key: keyof Totals, unit = '') => [
    name,
    withPrefix(before[key], unit),
    withPrefix(after[key], unit),
    withPrefix(saved[key], unit),
    percent(saved[key] / before[key]),
  ];
  const rows = [
    row('parameters', 'parameters'),
    row('bytes', 'bytes', 'B'),
    row('MACs per call', 'macs'),
    row('nodes', 'nodes'),
  ];
  const check = verification
    ? `Verified: the file differs from the preview by ${verification.maxDifference.toExponential(1)} at most; the cut itself changes the output by ${verification.cutEffect.toExponential(1)}.\n`
    : '';
  return [
    describeCut(dropped, gone),
    elsewhere ? `Not of this file, and still to be pruned in the pipeline's other one: ${elsewhere.join(', ')}\n` : '',
    '\n',
    table(['', 'before', 'after', 'saved', ''], rows, [1, 2, 3, 4]),
    '\n',
    ...files.map(({ path, bytes }) => `Wrote ${path} (${withPrefix(bytes, 'B')}).\n`),
    check,
  ].join('');
}
