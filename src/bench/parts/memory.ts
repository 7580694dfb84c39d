/**
 * What is resident with one gated session, which serves the teacher and every student, against a plain session of
 * the teacher, and against two: the teacher's and a pruned student's. What the process holds without any is taken off.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan } from '../../blocks/plan';
import { openPipelineOnDisk } from '../../cli/openPipelineOnDisk';
import { StudioError } from '../../errors/StudioError';
import { writeModel } from '../../onnx/writeModel';
import { gate, gateFeeds } from '../../passes/gate';
import { prune } from '../../passes/prune';
import { boolScalar } from '../../runtime/tensors';
import { firstCall } from '../../studio/firstCall';
import type { OpenedComponent } from '../../studio/Pipeline';
import { type Comparison, median } from '../interleaved';
import { type Resident, residentMemory, type SessionsToHold } from '../residentMemory';

type Setup = 'nothing' | 'plain' | 'gated' | 'two';

/** `model`: a pipeline folder. Throws what opening throws. */
export async function memory(model: string, repeats: number): Promise<Comparison[]> {
  const folder = await mkdtemp(join(tmpdir(), 'vdmini-bench-'));
  try {
    const { setups, student } = await prepare(model, folder);
    const measured = await inTurns(setups, repeats);
    return [
      ...comparisons('gated', 'two', `one gated session / two sessions (teacher, and ${student})`, measured, repeats),
      ...comparisons('gated', 'plain', 'one gated session / one plain session', measured, repeats),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes the three graphs into `folder`; their external weights stay where they are. */
async function prepare(
  model: string,
  folder: string,
): Promise<{ setups: Record<Setup, SessionsToHold>; student: string }> {
  const pipeline = await openPipelineOnDisk(model, new AbortController().signal);
  try {
    const { denoiser: component, description } = pipeline;
    const { tree, file: denoiser } = component;
    const { name, plan } = studentOf(component);
    const gated = gate(denoiser.model, tree);
    const keeps = [...gateFeeds(gated.gates, tree, { dropped: [] })].map(
      ([gateInput, keep]) => [gateInput, boolScalar(keep)] as const,
    );
    const feeds = pipeline.inputs.feeds(await firstCall(pipeline, { ...description.defaults, seed: 1 }));
    const written = async (fileName: string, bytes: Uint8Array) => {
      const path = join(folder, fileName);
      await writeFile(path, bytes);
      return path;
    };
    const plain = { path: await written('plain.onnx', denoiser.bytes), feeds };
    const pruned = { path: await written('pruned.onnx', writeModel(prune(denoiser.model, tree, plan))), feeds };
    const allOn = {
      path: await written('gated.onnx', writeModel(gated.model)),
      feeds: { ...feeds, ...Object.fromEntries(keeps) },
    };
    const weights = [...denoiser.weights].map(([location, { filePath }]) => [location, filePath!] as const);
    const holding = (...graphs: SessionsToHold['graphs']): SessionsToHold => ({
      graphs,
      weights,
      output: denoiser.model.graph.outputs[0]!.name,
    });
    return {
      setups: { nothing: holding(), plain: holding(plain), gated: holding(allOn), two: holding(plain, pruned) },
      student: name,
    };
  } finally {
    await pipeline.release();
  }
}

/** The first preset that drops something, else the first block that can go. */
function studentOf({ presets, tree }: OpenedComponent): { name: string; plan: Plan } {
  const preset = presets.find(({ plan }) => plan.dropped.length > 0);
  if (preset) return { name: `preset ${preset.id}`, plan: preset.plan };
  const block = tree.blocks.find(({ droppable }) => droppable);
  if (!block)
    throw new StudioError(
      'blocks/not-droppable',
      'No block of this model can go: there is no student to hold beside it.',
    );
  return { name: `without ${block.id}`, plan: { dropped: [block.id] } };
}

/** Every setup once per turn, so that what the machine does besides falls on all of them. */
async function inTurns(setups: Record<Setup, SessionsToHold>, repeats: number): Promise<Record<Setup, Resident>> {
  const runs: Record<Setup, Resident[]> = { nothing: [], plain: [], gated: [], two: [] };
  const names = Object.keys(setups) as Setup[];
  for (let turn = 0; turn < repeats; turn++) {
    for (const name of names) runs[name].push(await residentMemory(setups[name]));
  }
  const medians = (name: Setup): Resident => ({
    openedBytes: median(runs[name].map(({ openedBytes }) => openedBytes)),
    steppedBytes: median(runs[name].map(({ steppedBytes }) => steppedBytes)),
  });
  return { nothing: medians('nothing'), plain: medians('plain'), gated: medians('gated'), two: medians('two') };
}

const whatOf: Readonly<Record<Setup, string>> = {
  nothing: '',
  plain: 'plain',
  gated: 'gated',
  two: 'teacher and student',
};

function comparisons(
  first: Setup,
  second: Setup,
  name: string,
  measured: Record<Setup, Resident>,
  n: number,
): Comparison[] {
  const side = (setup: Setup, key: keyof Resident) => ({
    what: whatOf[setup],
    median: (measured[setup][key] - measured.nothing[key]) / 1e6,
    unit: 'MB' as const,
  });
  const compared = (key: keyof Resident, moment: string): Comparison => ({
    name: `resident ${moment}, ${name}`,
    first: side(first, key),
    second: side(second, key),
    n,
  });
  return [compared('openedBytes', 'weights and graph'), compared('steppedBytes', 'after one step of each session')];
}
