/**
 * What the gated session costs against a plain one, what a toggle saves against building the student, and whether the
 * time per step follows the MACs. Two branches a call where the pipeline's guidance asks for them, as the studio runs it.
 */
import type { Block } from '../../blocks/block';
import { indexBlocks, leaves, NOTHING_DROPPED, type Plan, resolvePlan } from '../../blocks/plan';
import { openPipelineOnDisk } from '../../cli/openPipelineOnDisk';
import { writeModel } from '../../onnx/writeModel';
import { prune } from '../../passes/prune';
import type { DenoiserCall } from '../../pipeline/denoiserInputs';
import { outputDifference } from '../../runtime/outputDifference';
import type { Session } from '../../runtime/Runtime';
import { floatValues } from '../../runtime/tensors';
import { firstCall } from '../../studio/firstCall';
import type { Pipeline } from '../../studio/Pipeline';
import { TEACHER, variantOf } from '../../studio/Variant';
import { type Comparison, interleaved, timeMs } from '../interleaved';

interface NamedPlan {
  readonly name: string;
  readonly plan: Plan;
}

/** `model`: a pipeline folder. Throws what opening and running throw. */
export async function sessions(model: string, repeats: number): Promise<Comparison[]> {
  const pipeline = await openPipelineOnDisk(model, new AbortController().signal);
  try {
    const { description } = pipeline;
    const call = await firstCall(pipeline, { ...description.defaults, seed: 1 });
    const plans = plansOf(pipeline);
    const results = [await gatedAgainstPlain(pipeline, call, repeats)];
    for (const plan of plans.slice(0, 2)) results.push(await toggleAgainstNewSession(pipeline, call, plan, repeats));
    for (const plan of plans) results.push(await studentAgainstTeacher(pipeline, call, plan, repeats));
    return results;
  } finally {
    await pipeline.release();
  }
}

/** The model's presets, then cuts that follow from its structure alone; none that drops nothing or repeats another. */
function plansOf({ denoiser: { tree, presets } }: Pipeline): readonly NamedPlan[] {
  const layers = tree.blocks.flatMap(leaves).filter(({ droppable }) => droppable);
  const dropping = (name: string, blocks: readonly Block[]): NamedPlan => ({
    name,
    plan: { dropped: blocks.map(({ id }) => id) },
  });
  const largest = layers.toSorted((a, b) => b.macs - a.macs)[0];
  const plans = [
    ...presets.map(({ id, plan }) => ({ name: `preset ${id}`, plan })),
    dropping(
      'every second layer',
      layers.filter((_, i) => i % 2 === 1),
    ),
    dropping(
      'every temporal layer',
      layers.filter(({ kind }) => kind === 'temporal' || kind === 'temporal-conv'),
    ),
    dropping(
      'every spatial attention',
      layers.filter(({ kind }) => kind === 'spatial'),
    ),
    ...(largest ? [dropping(`${largest.id} alone`, [largest])] : []),
  ];
  return plans.filter(({ plan }) => plan.dropped.length > 0);
}

async function gatedAgainstPlain(parts: Pipeline, call: DenoiserCall, repeats: number): Promise<Comparison> {
  const { file: denoiser } = parts.denoiser;
  const plain = await parts.createSession({
    what: denoiser.path,
    modelBytes: denoiser.bytes,
    externalData: denoiser.weights,
  });
  try {
    const difference = outputDifference(
      floatValues(await parts.runDenoiser(call, TEACHER)),
      await step(parts, plain, call),
    ).max;
    const [gatedMs, plainMs] = await interleaved(
      repeats,
      () => timeMs(() => parts.runDenoiser(call, TEACHER)),
      () => timeMs(() => step(parts, plain, call)),
    );
    return {
      name: 'gated session, all on / plain session, one step',
      first: { what: 'gated, every block on', median: gatedMs, unit: 'ms' },
      second: { what: 'the model as it is', median: plainMs, unit: 'ms' },
      n: repeats,
      note: `${call.branches.length} branches in the call; the two outputs differ by ${difference.toExponential(1)} at most`,
    };
  } finally {
    await plain.release();
  }
}

async function toggleAgainstNewSession(
  parts: Pipeline,
  call: DenoiserCall,
  { name, plan }: NamedPlan,
  repeats: number,
): Promise<Comparison> {
  const toggle = async () => {
    await parts.runDenoiser(call, TEACHER); // what was on before the toggle
    return timeMs(() => parts.runDenoiser(call, variantOf(plan)));
  };
  const rebuild = async () => {
    let session: Session | undefined;
    const ms = await timeMs(async () => {
      const modelBytes = writeModel(prune(parts.denoiser.file.model, parts.denoiser.tree, plan));
      session = await parts.createSession({ what: name, modelBytes, externalData: parts.denoiser.file.weights });
      await step(parts, session, call);
    });
    await session!.release();
    return ms;
  };
  const [toggleMs, newMs] = await interleaved(repeats, toggle, rebuild);
  return {
    name: `toggle to first student step / new session and its first step, ${name}`,
    first: { what: 'gates set, one step', median: toggleMs, unit: 'ms' },
    second: { what: 'prune, write, create the session, one step', median: newMs, unit: 'ms' },
    n: repeats,
  };
}

async function studentAgainstTeacher(
  parts: Pipeline,
  call: DenoiserCall,
  { name, plan }: NamedPlan,
  repeats: number,
): Promise<Comparison> {
  const run = (of: Plan) => () => timeMs(() => parts.runDenoiser(call, variantOf(of)));
  const [studentMs, teacherMs] = await interleaved(repeats, run(plan), run(NOTHING_DROPPED));
  const { tree } = parts.denoiser;
  const totals = parts.summarise(plan);
  const share = (key: 'macs' | 'parameters') => (totals.student[key] / totals.teacher[key]).toFixed(3);
  return {
    name: `student step / teacher step, ${name}`,
    first: { what: 'student', median: studentMs, unit: 'ms' },
    second: { what: 'teacher', median: teacherMs, unit: 'ms' },
    n: repeats,
    note: `MACs ${share('macs')}, parameters ${share('parameters')}; ${resolvePlan(tree, plan).goneIds.length} of ${indexBlocks(tree).size} blocks gone`,
  };
}

async function step(parts: Pipeline, session: Session, call: DenoiserCall): Promise<Float32Array> {
  const output = parts.denoiser.file.model.graph.outputs[0]!.name;
  return floatValues((await session.run(parts.inputs.feeds(call), [output]))[output]!);
}
