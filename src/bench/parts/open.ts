/** Opening full-size models and finding their blocks, beside Python's `onnx.load` of the graph, which parses alone. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { type Comparison, interleaved, median, timeMs } from '../interleaved';
import { type OpenedModel, openedModel } from '../openedModel';
import { findPython, loadGraph } from '../pythonOnnx';

const run = promisify(execFile);
const models = [
  { name: 'SVD', fixture: 'fixtures/full-size/svd' },
  { name: 'HunyuanVideo', fixture: 'fixtures/full-size/hunyuan' },
];

/** `say` takes what no Python is there to compare with. No weights are needed: none are read. */
export async function open(repeats: number, say: (line: string) => void): Promise<Comparison[]> {
  const python = await findPython();
  if (python === undefined) say('Python with the onnx package: not found (set PYTHON to name one).');
  const folder = await mkdtemp(join(tmpdir(), 'vdmini-bench-'));
  try {
    const comparisons: Comparison[] = [];
    for (const { name, fixture } of models) {
      const path = join(folder, 'model.onnx');
      await writeFile(path, gunzipSync(await readFile(join(fixture, 'model.onnx.gz'))));
      const { parameters } = JSON.parse(await readFile(join(fixture, 'full-size.json'), 'utf8')) as {
        readonly parameters: number;
      };
      const title = `${name}, ${(parameters / 1e9).toFixed(1)} billion parameters`;
      if (python === undefined) say(`open + discover ${title}: ${describe(await opened(path, repeats))}`);
      else comparisons.push(await againstPython(title, path, python, repeats));
    }
    return comparisons;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function againstPython(title: string, path: string, python: string, repeats: number): Promise<Comparison> {
  const all: OpenedModel[] = [];
  const ours = async () => {
    all.push(await openedModel(path));
    return all.at(-1)!.ms;
  };
  const inferences: number[] = [];
  const theirs = async () => {
    const { loadMs, inferMs } = await loadGraph(python, path);
    inferences.push(inferMs);
    return loadMs;
  };
  const [first, second] = await interleaved(repeats, ours, theirs);
  return {
    name: `open + discover / Python onnx.load of the graph (${title})`,
    first: { what: `${all[0]!.blocks} blocks found, a fresh process`, median: first, unit: 'ms' },
    second: { what: 'onnx.load(..., load_external_data=False), imports not counted', median: second, unit: 'ms' },
    n: repeats,
    note: `${describe(all)}; ${await wholeCommand(path, repeats)}; Python's infer_shapes after loading ${median(inferences).toFixed(0)} ms`,
  };
}

async function opened(path: string, repeats: number): Promise<OpenedModel[]> {
  const all: OpenedModel[] = [];
  for (let i = 0; i < repeats; i++) all.push(await openedModel(path));
  return all;
}

function describe(all: readonly OpenedModel[]): string {
  const seconds = (times: readonly number[]) => (median(times) / 1e3).toFixed(2);
  const most = (bytes: readonly number[]) => (Math.max(...bytes) / 1e6).toFixed(0);
  return [
    `${seconds(all.map(({ ms }) => ms))} s, ${seconds(all.map(({ cpuMs }) => cpuMs))} s of processor time`,
    `heap of ${most(all.map(({ heapBytes }) => heapBytes))} MB at most, beside ${most(all.map(({ bufferBytes }) => bufferBytes))} MB of buffers`,
  ].join('; ');
}

/** `vdmini blocks` from the start of Node to its end. */
async function wholeCommand(path: string, repeats: number): Promise<string> {
  const main = resolve(import.meta.dirname, '../../cli/main.ts');
  const times: number[] = [];
  for (let i = 0; i < repeats; i++)
    times.push(await timeMs(() => run(process.execPath, [...process.execArgv, main, 'blocks', path])));
  return `"vdmini blocks" as a whole ${(median(times) / 1e3).toFixed(2)} s`;
}
