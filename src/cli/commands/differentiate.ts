/** `vdmini differentiate`: writes the graph of a model's gradients, an ordinary model for any ONNX runtime. */
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import { elementCount } from '../../onnx/dataTypes';
import type { Model } from '../../onnx/model';
import { differentiate as differentiateModel } from '../../passes/differentiate/differentiate';
import { parseArguments, required } from '../arguments';
import type { Command } from '../Command';
import { requireFolder } from '../fileOutput';
import { denoiserHelp, denoiserOptions, openSizedModel } from '../openDenoiser';
import { withPrefix } from '../table';
import { type WrittenFile, writeModelFile } from '../writeModelFile';

const help = `Usage: vdmini differentiate MODEL.onnx --out G.onnx [--with-respect-to REGEX] [--json]

Writes a graph with the model's inputs and "target", and outputs "loss" (mean squared difference of the first output to
the target) and "gradient:NAME" for each weight. It computes in float32, whatever the weights are stored in; sizes are
fixed. Weights that the output does not depend on get no output.

  --out FILE             where to write; when it fails, nothing is left under this name
  --with-respect-to RE   weights whose name matches this regular expression (default: all that were trained)
  --fill NAME=NUMBER     the number that an input holds everywhere, where sizes inside the graph depend on it, as on a
                         mask (--fill encoder_attention_mask=1); may be given again
  --external             keep weights in FILE.data beside it (by itself when they take more than 1.5 GB)
${denoiserHelp}
  --json                 inputs, gradients and the files written
`;

const options = {
  out: { type: 'string' },
  'with-respect-to': { type: 'string' },
  fill: { type: 'string', multiple: true },
  external: { type: 'boolean' },
  ...denoiserOptions,
  json: { type: 'boolean' },
} as const;

/** Above this, weights go to a second file: one protobuf message may not reach 2 GB. */
const largestSingleFileBytes = 1.5e9;

interface DifferentiateResult {
  readonly model: string;
  readonly inputs: readonly { readonly name: string; readonly dataType: string; readonly shape: readonly number[] }[];
  readonly gradients: readonly {
    readonly weight: string;
    readonly output: string;
    readonly shape: readonly number[];
  }[];
  readonly nodes: number;
  readonly files: readonly WrittenFile[];
}

export const differentiate: Command = {
  help,
  async run(args, signal) {
    const { values, positionals } = parseArguments(args, options, ['MODEL.onnx']);
    const path = present(positionals[0]);
    const out = required(values.out, '--out G.onnx');
    const pattern = patternOf(values['with-respect-to']);
    await requireFolder(out);
    const { model, bindings } = await openSizedModel(path, values);
    const graph = differentiateModel(model, {
      bindings,
      inputValues: filledInputs(model, bindings, values.fill),
      ...(pattern && { withRespectTo: pattern }),
    });
    const external = values.external === true || weightBytes(graph) > largestSingleFileBytes;
    const { files } = await writeModelFile(graph, { from: path, out, external, signal });
    const result = describeResult(path, graph, files);
    process.stdout.write(values.json ? JSON.stringify(result, null, 2) + '\n' : resultText(result));
  },
};

function patternOf(text: string | undefined): RegExp | undefined {
  if (text === undefined) return undefined;
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new StudioError('cli/usage', `--with-respect-to is no regular expression: ${text}.`, {}, { cause });
  }
}

function filledInputs(
  { graph }: Model,
  bindings: ReadonlyMap<string, number>,
  given: readonly string[] | undefined,
): ReadonlyMap<string, readonly number[]> {
  return new Map(
    (given ?? []).map((entry) => {
      const [name, number] = [entry.slice(0, entry.lastIndexOf('=')), Number(entry.slice(entry.lastIndexOf('=') + 1))];
      const shape = graph.inputs.find((input) => input.name === name)?.type?.shape;
      const dims = shape?.map((dim) => (typeof dim === 'string' ? bindings.get(dim) : dim));
      if (!dims || !Number.isFinite(number) || !dims.every((dim) => typeof dim === 'number'))
        throw new StudioError('cli/usage', `--fill takes NAME=NUMBER of an input with known sizes, not "${entry}".`);
      return [name, new Array<number>(elementCount(dims)).fill(number)];
    }),
  );
}

const weightBytes = ({ graph }: Model): number =>
  [...graph.initializers.values()].reduce(
    (sum, { data }) =>
      sum + (data.kind === 'inline' ? data.bytes.length : data.kind === 'external' ? data.lengthBytes : 0),
    0,
  );

const prefix = 'gradient:';

function describeResult(model: string, { graph }: Model, files: readonly WrittenFile[]): DifferentiateResult {
  return {
    model,
    inputs: graph.inputs.map(({ name, type }) => ({
      name,
      dataType: present(type).dataType,
      shape: present(type).shape as readonly number[],
    })),
    gradients: graph.outputs
      .filter(({ name }) => name.startsWith(prefix))
      .map(({ name, type }) => ({
        weight: name.slice(prefix.length),
        output: name,
        shape: present(type).shape as readonly number[],
      })),
    nodes: graph.nodes.length,
    files,
  };
}

function resultText({ inputs, gradients, nodes, files }: DifferentiateResult): string {
  const numbers = gradients.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return [
    `Inputs: ${inputs.map(({ name, dataType, shape }) => `${name} ${dataType} [${shape.join(', ')}]`).join('; ')}.\n`,
    `Outputs: loss, and gradients of ${gradients.length} weights (${withPrefix(numbers, '')} numbers) in ${nodes} nodes.\n`,
    ...files.map(({ path, bytes }) => `Wrote ${path} (${withPrefix(bytes, 'B')}).\n`),
  ].join('');
}
