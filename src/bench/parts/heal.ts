/**
 * One training step of the bundled teacher's student (the paper's preset, batch 4, output and distillation at the end of
 * each stage, AdamW with clipping and averaged weights) as one graph in onnxruntime-node, against PyTorch's step of the same
 * student, and against the student's forward pass.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Block, BlockTree } from '../../blocks/block';
import { discoverBlocks } from '../../blocks/discoverBlocks';
import { presetNamed } from '../../blocks/presets';
import { elementCount } from '../../onnx/dataTypes';
import type { Model } from '../../onnx/model';
import { readModel } from '../../onnx/readModel';
import { writeModel } from '../../onnx/writeModel';
import { prune } from '../../passes/prune';
import { readParameters } from '../../passes/training/parameters';
import { buildTrainingStep } from '../../passes/training/trainingStep';
import type { Feeds, PlainTensor } from '../../runtime/Runtime';
import { type AskedProcess, graphProcess, pythonProcess } from '../askedProcess';
import { type Comparison, interleaved } from '../interleaved';
import { findPython } from '../pythonOnnx';
import { openTabRuntime } from '../tab/openTabRuntime';
import type { GraphToRun } from '../trainingChild';

const batch = 4;
const threads = 2;

/** `model`: a pipeline folder whose denoiser is a U-Net of four stages in one file. */
export async function heal(model: string, repeats: number, say: (line: string) => void): Promise<Comparison[]> {
  const folder = await mkdtemp(join(tmpdir(), 'vdmini-bench-'));
  const open: AskedProcess[] = [];
  try {
    const graphs = await prepare(join(model, 'unet/model.onnx'), folder);
    const step = await graphProcess(graphs.step);
    open.push(step);
    say(`training step: ${graphs.note}; session created in ${(step.createdMs / 1e3).toFixed(1)} s`);
    const forward = await graphProcess(graphs.forward);
    open.push(forward);
    const torch = await torchProcess(join(model, 'unet/config.json'), say);
    if (torch) open.push(torch);
    const results = await compare(step, forward, torch, repeats);
    return torch ? [...results, await inTab(graphs.step, folder, torch, Math.min(repeats, 3))] : results;
  } finally {
    for (const { stop } of open) stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same graph on WebAssembly in Chromium. */
async function inTab(graph: GraphToRun, folder: string, torch: AskedProcess, n: number): Promise<Comparison> {
  const tab = await openTabRuntime(folder, new Map([['/step.onnx', graph.path]]));
  try {
    // what values they are hardly counts for the time, and 22 million numbers do not go to a page as text
    const feeds = Object.fromEntries(
      Object.entries(graph.feeds).map(([name, { dims }]) => [name, { dims, values: name === 'step' ? 0 : 0.01 }]),
    );
    const call = { url: '/step.onnx', form: 'plain', backend: 'wasm', latentInput: '', bindings: [], batch } as const;
    const run = async () => (await tab.call({ ...call, feeds, runs: 1, unplannedMemory: true })).runMs[0]!;
    const [tabMs, torchMs] = await interleaved(n, run, () => torch.ask('step'));
    return {
      name: 'training step in the tab on WebAssembly / PyTorch’s step',
      first: { what: `Chromium ${tab.browser}`, median: tabMs, unit: 'ms' },
      second: { what: `PyTorch, float32, ${threads} threads`, median: torchMs, unit: 'ms' },
      n,
    };
  } finally {
    await tab.close();
  }
}

async function torchProcess(config: string, say: (line: string) => void): Promise<AskedProcess | undefined> {
  const python = await findPython();
  const script = resolve(import.meta.dirname, '../../../training/exports/training_speed.py');
  const args = [config, '--batch', String(batch), '--threads', String(threads)];
  const torch = python && (await pythonProcess(python, script, args));
  if (!torch)
    say('Python with torch and diffusers: not found (set PYTHON to name one), so PyTorch’s step is not compared.');
  return torch || undefined;
}

async function compare(
  step: AskedProcess,
  forward: AskedProcess,
  torch: AskedProcess | undefined,
  n: number,
): Promise<Comparison[]> {
  const asked = (process: AskedProcess, what: string) => () => process.ask(what);
  const results: Comparison[] = [];
  const add = async (name: string, other: AskedProcess, what: string, described: string): Promise<void> => {
    const [first, second] = await interleaved(n, asked(step, 'run'), asked(other, what));
    const ms = (described: string, median: number) => ({ what: described, median, unit: 'ms' as const });
    results.push({ name, first: ms('one graph, onnxruntime-node', first), second: ms(described, second), n });
  };
  if (torch) {
    await add('training step / PyTorch’s step', torch, 'step', `PyTorch, float32, ${threads} threads`);
    await add('training step / PyTorch’s step under bf16 autocast', torch, 'bf16', `PyTorch, bf16, ${threads} threads`);
  }
  await add('training step / forward pass', forward, 'run', 'the student’s graph');
  if (torch) {
    const [ours, theirs] = [await step.ask('peak'), await torch.ask('peak')];
    const mb = (what: string, median: number) => ({ what, median, unit: 'MB' as const });
    results.push({
      name: 'peak memory, training / PyTorch',
      first: mb('process with the session, its creation included', ours),
      second: mb('process with PyTorch', theirs),
      n: 1,
    });
  }
  return results;
}

async function prepare(path: string, folder: string): Promise<{ step: GraphToRun; forward: GraphToRun; note: string }> {
  const teacher = readModel(await readFile(path));
  const bindings = new Map([['batch', batch]]);
  const tree = discoverBlocks(teacher, { bindings });
  const student = prune(teacher, tree, presetNamed(tree, 'vdmini').plan);
  const taps = stageEnds(tree, student);
  const { model, layout } = buildTrainingStep(student, {
    bindings,
    losses: [
      { kind: 'output', name: 'output', weight: 1 },
      { kind: 'icd', name: 'icd', weight: 0.1, taps: taps.map((value) => ({ value })), normalised: false },
    ],
  });
  const parameters = await readParameters(student, layout);
  const state = { parameters: vector(parameters), average: vector(parameters) };
  const written = async (name: string, graph: Model): Promise<GraphToRun> => {
    const file = join(folder, `${name}.onnx`);
    await writeFile(file, writeModel(graph));
    return {
      path: file,
      feeds: feedsOf(graph, state),
      outputs: graph.graph.outputs.map((output) => output.name),
      threads,
      unplannedMemory: name === 'step', // as the studio makes the sessions that train
    };
  };
  const note = `${student.graph.nodes.length} nodes forward, ${model.graph.nodes.length} in all, ${layout.length} weights, ${taps.length} taps`;
  const fixed = { ...student.graph, inputs: model.graph.inputs.slice(0, student.graph.inputs.length) };
  return { step: await written('step', model), forward: await written('forward', { ...student, graph: fixed }), note };
}

/** The last value of each stage that is left: what its last block adds to. */
function stageEnds(tree: BlockTree, student: Model): readonly string[] {
  const made = new Set(student.graph.nodes.flatMap(({ outputs }) => outputs));
  const exits = (block: Block): readonly string[] => [
    ...block.children.flatMap(exits),
    ...block.rewires.map(({ exit }) => exit),
  ];
  return tree.blocks
    .filter(({ id }) => /^(down|up)_blocks/.test(id))
    .flatMap((block) => exits(block).findLast((value) => made.has(value)) ?? []);
}

const vector = (data: Float32Array): PlainTensor => ({ dataType: 'float32', dims: [data.length], data });

/** Small numbers that repeat, but for what is given and for moments, which start at zero. */
function feedsOf({ graph }: Model, given: Readonly<Record<string, PlainTensor>>): Feeds {
  return Object.fromEntries(
    graph.inputs.map(({ name, type }): [string, PlainTensor] => {
      const dims = type!.shape!.map((dim) => (typeof dim === 'number' ? dim : batch));
      const zero = name === 'm' || name === 'v' || name === 'step';
      const data = Float32Array.from({ length: elementCount(dims) }, (_, i) => (zero ? 0 : Math.sin(i * 12.9898)));
      return [
        name,
        given[name] ?? { dataType: 'float32', dims, data: name === 'learningRate' ? Float32Array.of(1e-4) : data },
      ];
    }),
  );
}
