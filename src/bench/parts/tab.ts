/**
 * What the tab takes, as ratios: a step on WebAssembly against the same step natively, gates, session creation, a student
 * against its MACs, a whole run of the page with its previews; dispatches on WebGPU; memory of one long attention.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolvePlan } from '../../blocks/plan';
import { openPipelineOnDisk } from '../../cli/openPipelineOnDisk';
import { buildModel } from '../../onnx/testing/buildModel';
import { writeModel } from '../../onnx/writeModel';
import { gate } from '../../passes/gate';
import type { DenoiserCall } from '../../pipeline/denoiserInputs';
import type { Session } from '../../runtime/Runtime';
import { floatValues } from '../../runtime/tensors';
import { firstCall } from '../../studio/firstCall';
import { heal } from '../../studio/healing/heal';
import { defaultHealSettings, healingPrompts } from '../../studio/healing/healData';
import type { Pipeline } from '../../studio/Pipeline';
import { type Comparison, interleaved, median, timeMs } from '../interleaved';
import { convolutionStack, type StackSize } from '../tab/convolutionStack';
import { openStudioPage, type StudioPage } from '../tab/openStudioPage';
import { openTabRuntime, type TabRuntime } from '../tab/openTabRuntime';
import type { BenchCall, Form } from '../tab/worker';

/** Denoiser runs of one clip of the page. */
const PAGE_STEPS = 16;
const TOKENS = 4096;
/** As wide as the bundled model's, and as SVD's first stage. */
const STACKS: readonly StackSize[] = [64, 320].flatMap((width) =>
  [8, 16, 32, 64].map((side) => ({ width, side, frames: 16, blocks: 4 })),
);

/** `gpu`: the machine's own adapter instead of Chromium's software one. Throws where there is no Chromium. */
export async function tab(
  model: string,
  repeats: number,
  gpu: boolean,
  say: (line: string) => void,
): Promise<Comparison[]> {
  const folder = await mkdtemp(join(tmpdir(), 'vdmini-bench-'));
  const pipeline = await openPipelineOnDisk(model, new AbortController().signal);
  let runtime: TabRuntime | undefined;
  let page: StudioPage | undefined;
  let native: Session | undefined;
  try {
    const { file } = pipeline.denoiser;
    native = await pipeline.createSession({ what: file.path, modelBytes: file.bytes, externalData: file.weights });
    const attention = join(folder, 'attention.onnx');
    await writeFile(attention, writeModel(longAttention()));
    const served = new Map([
      ['/denoiser.onnx', join(model, file.path)],
      ['/attention.onnx', attention],
    ]);
    for (const size of gpu ? STACKS : []) {
      const path = join(folder, `${nameOf(size)}.onnx`);
      await writeFile(path, writeModel(convolutionStack(size)));
      served.set(`/${nameOf(size)}.onnx`, path);
    }
    runtime = await openTabRuntime(folder, served, gpu);
    say(`Chromium ${runtime.browser}, two threads of WebAssembly where the page is isolated`);
    page = await openStudioPage(folder, PAGE_STEPS, gpu ? 'webgpu' : 'wasm');
    const call = await firstCall(pipeline, { ...pipeline.description.defaults, seed: 1 });
    const bench = benchOf(runtime, pipeline, call, native, repeats);
    const pageRun = page;
    return [
      await bench.stepAgainstNative('plain', 'the model as it is'),
      await bench.stepAgainstNative('optimised', 'optimised, without gates'),
      await bench.stepAgainstNative('gated optimised', 'gated and optimised, as the studio runs it'),
      await againstNative(bench.nativeMs, Math.min(repeats, 5), pageRun),
      await bench.formAgainstForm('gated optimised', 'optimised'),
      await bench.formAgainstForm('gated optimised', 'plain'),
      await bench.creation(),
      ...(await bench.students()),
      await bench.dispatches(),
      ...(gpu ? [...(await bench.onGpu()), ...(await layouts(runtime, repeats))] : []),
      await attentionMemory(runtime),
      await healing(pipeline, pageRun),
    ];
  } finally {
    await page?.close();
    await runtime?.close();
    await native?.release();
    await pipeline.release();
    await rm(folder, { recursive: true, force: true });
  }
}

function benchOf(runtime: TabRuntime, pipeline: Pipeline, call: DenoiserCall, native: Session, repeats: number) {
  const { denoiser, inputs, description } = pipeline;
  const output = denoiser.file.model.graph.outputs[0]!.name;
  const feeds = inputs.feeds(call);
  const base: Omit<BenchCall, 'form'> = {
    url: '/denoiser.onnx',
    backend: 'wasm',
    latentInput: description.denoiser.latentInput,
    bindings: [...inputs.bindings],
    batch: inputs.batch,
    feeds: Object.fromEntries(
      Object.entries(feeds).map(([name, tensor]) => [name, { dims: tensor.dims, values: [...floatValues(tensor)] }]),
    ),
    runs: 1,
  };
  const nativeMs = () => timeMs(() => native.run(feeds, [output]));
  const tabMs =
    (form: Form, off: readonly string[] = [], more: Partial<BenchCall> = {}) =>
    async () =>
      (await runtime.call({ ...base, form, off, ...more })).runMs[0]!;
  return {
    nativeMs,
    async stepAgainstNative(form: Form, what: string): Promise<Comparison> {
      const [tabTime, nativeTime] = await interleaved(repeats, tabMs(form), nativeMs);
      return {
        name: `step in the tab on WebAssembly / natively: ${what}`,
        first: { what: 'tab', median: tabTime, unit: 'ms' },
        second: { what: 'onnxruntime-node, the model as it is', median: nativeTime, unit: 'ms' },
        n: repeats,
        note: `${call.branches.length} branches in the call`,
      };
    },
    async formAgainstForm(first: Form, second: Form): Promise<Comparison> {
      const [firstMs, secondMs] = await interleaved(repeats, tabMs(first), tabMs(second));
      return {
        name: `step in the tab on WebAssembly: ${first} / ${second}`,
        first: { what: first, median: firstMs, unit: 'ms' },
        second: { what: second, median: secondMs, unit: 'ms' },
        n: repeats,
      };
    },
    async creation(): Promise<Comparison> {
      const n = Math.min(repeats, 5);
      const create = (form: Form) => async () => (await runtime.call({ ...base, form, runs: 0, fresh: true })).createMs;
      const [optimisedMs, gatedMs] = await interleaved(n, create('gated optimised'), create('gated'));
      return {
        name: 'session creation in the tab: passes, writing and the session, gated optimised / gated',
        first: { what: 'gated optimised', median: optimisedMs, unit: 'ms' },
        second: { what: 'gated, as the exporter wrote the graph', median: gatedMs, unit: 'ms' },
        n,
      };
    },
    /** Each preset: its time against the teacher's. The share of the MACs is in the note. */
    async students(): Promise<Comparison[]> {
      const { gates } = gate(denoiser.file.model, denoiser.tree);
      const results: Comparison[] = [];
      for (const { label, plan } of denoiser.presets.filter((preset) => preset.plan.dropped.length > 0)) {
        const gone = new Set(resolvePlan(denoiser.tree, plan).goneIds);
        const off = [...gates.keys()].filter((id) => gone.has(id));
        const student = tabMs('gated optimised', off);
        const [studentMs, teacherMs] = await interleaved(repeats, student, tabMs('gated optimised'));
        const totals = pipeline.summarise(plan);
        results.push({
          name: `student step / teacher step in the tab, ${label}`,
          first: { what: 'student', median: studentMs, unit: 'ms' },
          second: { what: 'teacher', median: teacherMs, unit: 'ms' },
          n: repeats,
          note: `its share of the MACs: ${(totals.student.macs / totals.teacher.macs).toFixed(3)}`,
        });
      }
      return results;
    },
    /** Counted, not timed: one run is enough. */
    async dispatches(): Promise<Comparison> {
      const counted = async (form: Form) => runtime.call({ ...base, form, backend: 'webgpu' });
      const optimised = await counted('gated optimised');
      const gated = await counted('gated');
      return {
        name: 'dispatches of a step on WebGPU, gated optimised / gated',
        first: { what: 'gated optimised', median: optimised.dispatches, unit: 'dispatches' },
        second: { what: 'gated, as the exporter wrote the graph', median: gated.dispatches, unit: 'dispatches' },
        n: 1,
        note: `on ${optimised.adapter}; the first step took ${(optimised.runMs[0]! / 1000).toPrecision(3)} s and ${(gated.runMs[0]! / 1000).toPrecision(3)} s`,
      };
    },
    /** Steps on the machine's own GPU: shaders are compiled by the turn that is not recorded. */
    async onGpu(): Promise<Comparison[]> {
      const onGpu = (form: Form, more: Partial<BenchCall> = {}) => tabMs(form, [], { backend: 'webgpu', ...more });
      const compared = async (what: string, first: () => Promise<number>, second: () => Promise<number>) => {
        const [firstMs, secondMs] = await interleaved(repeats, first, second);
        return {
          name: `step in the tab on WebGPU: gated optimised / ${what}`,
          first: { what: 'gated optimised', median: firstMs, unit: 'ms' },
          second: { what, median: secondMs, unit: 'ms' },
          n: repeats,
        } as const;
      };
      const studio = onGpu('gated optimised');
      return [
        await compared('plain', studio, onGpu('plain')),
        await compared('gated', studio, onGpu('gated')),
        await compared('optimised', studio, onGpu('optimised')),
        await compared('with channels last', studio, onGpu('gated optimised', { channelsFirst: false })),
        await compared('on WebAssembly', studio, tabMs('gated optimised')),
        await compared('onnxruntime-node, the model as it is', studio, nativeMs),
      ];
    },
  };
}

const nameOf = ({ width, side }: StackSize): string => `stack-${width}-${side}`;

/** From which size on the layout that convolutions like is worth its Transposes. */
async function layouts(runtime: TabRuntime, repeats: number): Promise<Comparison[]> {
  const results: Comparison[] = [];
  for (const size of STACKS) {
    const { width, side, frames, blocks } = size;
    const feeds = { x: { dims: [1, width, 1, 1], values: 0.5 } };
    const call = { url: `/${nameOf(size)}.onnx`, backend: 'webgpu', latentInput: 'x', bindings: [], batch: 1 } as const;
    const run = (channelsFirst: boolean) => async () =>
      (await runtime.call({ ...call, form: 'optimised', channelsFirst, feeds, runs: 1 })).runMs[0]!;
    const [firstMs, lastMs] = await interleaved(repeats, run(true), run(false));
    results.push({
      name: `${blocks} blocks of ${width} channels at ${frames}x${side}x${side} on WebGPU, channels first / last`,
      first: { what: 'channels first', median: firstMs, unit: 'ms' },
      second: { what: 'channels last', median: lastMs, unit: 'ms' },
      n: repeats,
    });
  }
  return results;
}

async function againstNative(nativeMs: () => Promise<number>, n: number, page: StudioPage): Promise<Comparison> {
  const native = async () => {
    const times: number[] = [];
    for (let run = 0; run < 5; run++) times.push(await nativeMs());
    return median(times);
  };
  const [pageMs, nativeTime] = await interleaved(n, async () => (await page.generate()) / PAGE_STEPS, native);
  return {
    name: `the page’s time on ${page.backend} for a clip of ${PAGE_STEPS} runs, divided by them, previews and decoding included / native step`,
    first: { what: 'page', median: pageMs, unit: 'ms' },
    second: { what: 'onnxruntime-node, the model as it is', median: nativeTime, unit: 'ms' },
    n,
  };
}

/** One run each, of the page's own settings: a step of training with the teacher's call before it. */
async function healing(pipeline: Pipeline, page: StudioPage): Promise<Comparison> {
  const steps = 12;
  const tabMs = await page.healStepMs(steps);
  const { defaults } = pipeline.description;
  const atMs: number[] = [];
  await heal(
    pipeline,
    { plan: pipeline.denoiser.presets.find(({ id }) => id === 'vdmini')!.plan, weights: 'original' },
    {
      ...defaultHealSettings,
      steps,
      prompts: healingPrompts(pipeline.description),
      samplingSteps: defaults.steps,
      guidance: defaults.guidance,
    },
    { onProgress: ({ training }) => training && atMs.push(performance.now()) },
  );
  return {
    name: `training step in the tab on ${page.backend} / natively: the paper’s preset, ${defaultHealSettings.batch} states`,
    first: { what: 'tab', median: tabMs, unit: 'ms' },
    second: {
      what: 'onnxruntime-node',
      median: median(atMs.slice(1).map((ms, index) => ms - atMs[index]!)),
      unit: 'ms',
    },
    n: steps - 1,
  };
}

/** By how much WebAssembly's memory grows for one attention of 4,096 tokens, fused and as exporters write it. */
async function attentionMemory(runtime: TabRuntime): Promise<Comparison> {
  const values = Array.from({ length: TOKENS * 64 }, (_, index) => Math.sin(index));
  const grown = async (form: Form) => {
    const call = { url: '/attention.onnx', backend: 'wasm', latentInput: 'x', bindings: [], batch: 1 } as const;
    const feeds = { x: { dims: [1, TOKENS, 64], values } };
    return (await runtime.call({ ...call, form, feeds, runs: 1, fresh: true })).grownBytes;
  };
  const fused = await grown('fused'); // first: memory never shrinks
  const plain = fused + (await grown('plain'));
  return {
    name: `memory of one attention at ${TOKENS} tokens on WebAssembly, fused / as exported`,
    first: { what: 'MultiHeadAttention', median: fused / 1e6, unit: 'MB' },
    second: { what: 'MatMul, Softmax, MatMul', median: plain / 1e6, unit: 'MB' },
    n: 1,
  };
}

/** x [1, 4096, 64] -> y of the same shape: self-attention of 4 heads, as exporters spell it out. */
function longAttention() {
  return buildModel(
    (b) => {
      const x = b.input('x', [1, TOKENS, 64]);
      const heads = (name: string, order: readonly number[]) => {
        const projected = b.op('MatMul', [x, b.weight(`${name}.weight`, [64, 64])]);
        const split = b.op('Reshape', [projected, b.ints(`${name}.shape`, [1, TOKENS, 4, 16])]);
        return b.op('Transpose', [split], { perm: order });
      };
      const scores = b.op('MatMul', [heads('to_q', [0, 2, 1, 3]), heads('to_k', [0, 2, 3, 1])]);
      const scaled = b.op('Mul', [scores, b.weight('scale', [], [0.25])]);
      const mixed = b.op('MatMul', [b.op('Softmax', [scaled], { axis: -1 }), heads('to_v', [0, 2, 1, 3])]);
      const joined = b.op('Transpose', [mixed], { perm: [0, 2, 1, 3] });
      b.op('Reshape', [joined, b.ints('joined.shape', [1, TOKENS, 64])], {}, { outputs: ['y'] });
      b.output('y', [1, TOKENS, 64]);
    },
    { opset: 17 },
  );
}
