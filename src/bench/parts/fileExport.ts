/**
 * Pruning a large model on disk, weights and all, against what a person would do instead: `cp` of the same live
 * bytes (the floor), Python's `onnx.load` + `onnx.save`, and the npm package `onnxsim` (neither of which prunes).
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import type { BlockTree } from '../../blocks/block';
import { discoverBlocks } from '../../blocks/discoverBlocks';
import type { Plan } from '../../blocks/plan';
import { presetsFor } from '../../blocks/presets';
import { readModelFile } from '../../cli/modelFile';
import { writeModelFile } from '../../cli/writeModelFile';
import { writeModel } from '../../onnx/writeModel';
import { prune } from '../../passes/prune';
import { type Comparison, interleaved, median, timeMs } from '../interleaved';
import { onnxsimAvailable, simplify } from '../onnxsim';
import { peakMemory } from '../peakMemory';
import { findPython, loadAndSave } from '../pythonOnnx';
import { blockBytes, blockWeights, type ResidualSize, residualModel } from '../residualModel';
import { openTab } from '../tab';

const run = promisify(execFile);
const blockWidth = 1024;
const fullSize = 'fixtures/full-size/svd';

/** A model to prune, and how. */
interface Teacher {
  /** What is pruned away, in words. */
  readonly cut: string;
  /** Writes the graph to `path` and its weights beside it. */
  write(path: string): Promise<void>;
  plan(tree: BlockTree): Plan;
}

interface Workspace {
  readonly folder: string;
  readonly model: string;
  readonly pruned: string;
  readonly teacher: Teacher;
}

/** A stack of residual blocks of about `megabytes`. `say` takes what could not be compared. Needs about three times `megabytes` of free disk. */
export function fileExport(megabytes: number, repeats: number, say: (line: string) => void): Promise<Comparison[]> {
  return inWorkspace(stackOfBlocks(megabytes), async (workspace) => {
    const ours = await againstCopy(workspace, repeats);
    const python = await againstPython(workspace, repeats, say);
    const onnxsim = await againstOnnxsim(workspace, ours.first, say);
    return [ours, ...python, ...onnxsim];
  });
}

/** The real graph of Stable Video Diffusion with random weights, 3 GB, under the paper's preset. `onnxsim` ends at 2 GB. */
export async function fullSizeExport(repeats: number, say: (line: string) => void): Promise<Comparison[]> {
  const { bavail, bsize } = await statfs(tmpdir());
  const needed = 12e9;
  if (bavail * bsize < needed) {
    say(
      `The full-size export needs ${needed / 1e9} GB in ${tmpdir()}, which has ${((bavail * bsize) / 1e9).toFixed(1)}.`,
    );
    return [];
  }
  return inWorkspace(stableVideoDiffusion, async (workspace) => [
    await againstCopy(workspace, repeats),
    ...(await inTheTab(workspace, repeats, say)),
    ...(await againstPython(workspace, repeats, say)),
  ]);
}

async function inWorkspace(
  teacher: Teacher,
  work: (workspace: Workspace) => Promise<Comparison[]>,
): Promise<Comparison[]> {
  const folder = await mkdtemp(join(tmpdir(), 'vdmini-bench-'));
  try {
    const workspace = { folder, model: join(folder, 'model.onnx'), pruned: join(folder, 'pruned.onnx'), teacher };
    await teacher.write(workspace.model);
    return await work(workspace);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function stackOfBlocks(megabytes: number): Teacher {
  const one = { blocks: 2, width: blockWidth, tokens: 16 };
  const size: ResidualSize = { ...one, blocks: Math.max(2, Math.round((megabytes * 1e6) / blockBytes(one))) };
  return {
    cut: 'every second block',
    write: async (path) => {
      await writeFile(path, writeModel(residualModel(size, 'model.onnx.data')));
      const weights = blockWeights(size);
      const handle = await open(`${path}.data`, 'w');
      for (let i = 0; i < size.blocks; i++) await handle.writeFile(weights);
      await handle.close();
    },
    plan: (tree) => ({
      dropped: tree.blocks
        .filter(({ droppable }) => droppable)
        .map(({ id }) => id)
        .filter((_, i) => i % 2 === 1),
    }),
  };
}

const stableVideoDiffusion: Teacher = {
  cut: 'preset VDMini of a full-size SVD',
  write: async (path) => {
    await writeFile(path, gunzipSync(await readFile(join(fullSize, 'model.onnx.gz'))));
    const { dataBytes } = JSON.parse(await readFile(join(fullSize, 'full-size.json'), 'utf8')) as {
      readonly dataBytes: number;
    };
    const noise = randomBytes(2 ** 26); // real bytes: cp skips the holes of a sparse file
    const handle = await open(`${path}.data`, 'w');
    for (let left = dataBytes; left > 0; left -= noise.length)
      await handle.writeFile(noise.subarray(0, Math.min(left, noise.length)));
    await handle.sync(); // else the disk is still busy with it while the first turns are timed
    await handle.close();
  },
  plan: (tree) => presetsFor(tree).find(({ id }) => id === 'vdmini')!.plan,
};

async function againstCopy(workspace: Workspace, repeats: number): Promise<Comparison> {
  await pruneAndExport(workspace);
  const copying = await copyOf(workspace);
  const memory = peakMemory();
  const [ours, cp] = await interleaved(repeats, () => pruneAndExport(workspace), copying.run);
  const peakMb = memory.stop() / 1e6;
  await copying.forget();
  return {
    name: 'prune + export / cp of the live bytes',
    first: {
      what: `${workspace.teacher.cut} pruned, ${copying.megabytes.toFixed(0)} MB written`,
      median: ours,
      unit: 'ms',
    },
    second: { what: 'cp', median: cp, unit: 'ms' },
    n: repeats,
    note: `heap and buffers grew by ${peakMb.toFixed(0)} MB at most`,
  };
}

/** `cp` of the weights that the last export wrote. */
async function copyOf({
  folder,
  pruned,
}: Workspace): Promise<{ readonly megabytes: number; run(): Promise<number>; forget(): Promise<void> }> {
  const live = join(folder, 'live.bin');
  const copied = join(folder, 'copied.bin');
  await run('cp', [`${pruned}.data`, live]);
  return {
    megabytes: (await stat(live)).size / 1e6,
    run: async () => {
      await rm(copied, { force: true });
      return timeMs(() => run('cp', [live, copied]));
    },
    forget: async () => void (await Promise.all([live, copied].map((path) => rm(path)))),
  };
}

/** The same export by the page, until the browser has saved both files. */
async function inTheTab(workspace: Workspace, repeats: number, say: (line: string) => void): Promise<Comparison[]> {
  const tab = await openTab(workspace.folder, [workspace.model, `${workspace.model}.data`]);
  if (tab === undefined) {
    say('Chromium for the export in the tab: not found (set CHROMIUM_PATH to name one).');
    return [];
  }
  try {
    const copying = await copyOf(workspace);
    const ready: number[] = [];
    const exportAndDownload = async () => {
      const { readyMs, downloadMs } = await tab.exportPreset();
      ready.push(readyMs);
      return readyMs + downloadMs;
    };
    const [ours, cp] = await interleaved(repeats, exportAndDownload, copying.run);
    await copying.forget();
    return [
      {
        name: 'prune, export and download in the tab / cp of the live bytes',
        first: {
          what: `${workspace.teacher.cut} pruned, ${copying.megabytes.toFixed(0)} MB downloaded`,
          median: ours,
          unit: 'ms',
        },
        second: { what: 'cp', median: cp, unit: 'ms' },
        n: repeats,
        note: `the files were ready to be downloaded after ${median(ready).toFixed(0)} ms`,
      },
    ];
  } finally {
    await tab.close();
  }
}

/** Open, discover, prune, write and check, as `vdmini prune` does; the time in ms. */
async function pruneAndExport({ model: path, pruned, teacher }: Workspace): Promise<number> {
  await Promise.all([pruned, `${pruned}.data`].map((file) => rm(file, { force: true })));
  return timeMs(async () => {
    const model = await readModelFile(path);
    const tree = discoverBlocks(model, { bindings: new Map() });
    await writeModelFile(prune(model, tree, teacher.plan(tree)), {
      from: path,
      out: pruned,
      external: true,
      signal: new AbortController().signal,
    });
  });
}

async function againstPython(
  workspace: Workspace,
  repeats: number,
  say: (line: string) => void,
): Promise<Comparison[]> {
  const python = await findPython();
  if (python === undefined) {
    say('Python with the onnx package: not found (set PYTHON to name one).');
    return [];
  }
  const out = join(workspace.folder, 'python.onnx');
  const [ours, theirs] = await interleaved(
    repeats,
    () => pruneAndExport(workspace),
    () => loadAndSave(python, workspace.model, out),
  );
  return [
    {
      name: 'prune + export / Python onnx.load + save',
      first: { what: `${workspace.teacher.cut} pruned, the rest written`, median: ours, unit: 'ms' },
      second: { what: 'onnx.load + onnx.save of everything, imports not counted', median: theirs, unit: 'ms' },
      n: repeats,
    },
  ];
}

/** onnxsim takes one file that holds its weights, and stops at 2 GB. */
async function againstOnnxsim(
  workspace: Workspace,
  ours: Comparison['first'],
  say: (line: string) => void,
): Promise<Comparison[]> {
  if (!(await onnxsimAvailable())) {
    say('The npm package onnxsim: not found ("npm install --no-save onnxsim" to compare with it).');
    return [];
  }
  const whole = join(workspace.folder, 'whole.onnx');
  try {
    await writeModelFile(await readModelFile(workspace.model), {
      from: workspace.model,
      out: whole,
      external: false,
      signal: new AbortController().signal,
    });
    const theirs = await simplify(whole, join(workspace.folder, 'simplified.onnx'));
    return [
      {
        name: 'prune + export / onnxsim',
        first: ours,
        second: { what: 'onnxsim of the whole model in one file', median: theirs, unit: 'ms' },
        n: 1,
      },
    ];
  } catch (thrown) {
    say(`The npm package onnxsim did not survive: ${reasonOf(thrown)}`);
    return [];
  }
}

/** The line of a failed process that names the error; the first line repeats the command alone. */
function reasonOf(thrown: unknown): string {
  const lines = (thrown instanceof Error ? thrown.message : String(thrown)).split('\n').map((line) => line.trim());
  return (
    lines.find((line, i) => i > 0 && /^(\w*Error\b|fatal|abort)/i.test(line)) ??
    lines.findLast((line) => line !== '') ??
    ''
  );
}
