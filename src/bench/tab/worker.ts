/**
 * The bench's side of the tab: the studio's own passes and runtime in a worker, on models by address, with nothing of
 * the page. Dispatches and the heap are counted where the runtime gets them: from the browser.
 */
import { discoverBlocks } from '../../blocks/discoverBlocks';
import { blobSource } from '../../onnx/blobSource';
import { elementCount } from '../../onnx/dataTypes';
import { readModel } from '../../onnx/readModel';
import { writeModel } from '../../onnx/writeModel';
import { fuse, fusionsOn } from '../../passes/fuse/fuse';
import { gate } from '../../passes/gate';
import { gateOptimised, optimise } from '../../passes/optimise';
import { findAdapter, requestDevice } from '../../runtime/backend/gpuDevice';
import { createMutex } from '../../runtime/mutex';
import { chooseBuild, loadOrt, threadCount } from '../../runtime/ortBuild';
import type { Feeds, PlainTensor, Runtime, Session } from '../../runtime/Runtime';
import { boolScalar, tensorOf } from '../../runtime/tensors';
import { webRuntime } from '../../runtime/webRuntime';
import { boundSizes } from '../../studio/boundSizes';

export type Form = 'plain' | 'optimised' | 'gated' | 'gated optimised' | 'fused';

export interface BenchCall {
  readonly url: string;
  readonly form: Form;
  readonly backend: 'wasm' | 'webgpu';
  readonly latentInput: string;
  readonly bindings: readonly (readonly [string, number])[];
  readonly batch: number;
  /** Name -> dims and values; one number: all of them. */
  readonly feeds: Readonly<
    Record<string, { readonly dims: readonly number[]; readonly values: readonly number[] | number }>
  >;
  /** Gates of units that are off. */
  readonly off?: readonly string[];
  readonly runs: number;
  /** On WebGPU; where it is absent, optimised forms are. */
  readonly channelsFirst?: boolean;
  /** As the sessions that train. */
  readonly unplannedMemory?: boolean;
  /** Makes a session of its own and releases it. */
  readonly fresh?: boolean;
  /** Files beside the graph, by their names; set by the page. */
  readonly weights?: readonly File[];
}

export interface BenchResult {
  /** Passes, writing and making the session; 0 where it was there. */
  readonly createMs: number;
  readonly runMs: readonly number[];
  readonly dispatches: number;
  /** By how much the heap of WebAssembly grew while it ran. */
  readonly grownBytes: number;
  /** How large it is in the end. */
  readonly heapBytes: number;
  readonly adapter: string | undefined;
}

let dispatches = 0;
let memory: WebAssembly.Memory | undefined;

/** Before the runtime is loaded. */
function watch(): void {
  const Memory = WebAssembly.Memory;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      memory = this;
    }
  };
  if (typeof GPUComputePassEncoder === 'undefined') return;
  for (const name of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect'] as const) {
    const original = GPUComputePassEncoder.prototype[name] as (...given: unknown[]) => void;
    Object.assign(GPUComputePassEncoder.prototype, {
      [name](this: GPUComputePassEncoder, ...given: unknown[]) {
        dispatches++;
        return original.apply(this, given);
      },
    });
  }
}

watch();
const exclusively = createMutex();
const ortBuild = chooseBuild(globalThis);
const ort = loadOrt(ortBuild, threadCount(self));
let adapter: string | undefined;
const runtimes = new Map<string, Promise<Runtime>>();
const sessions = new Map<string, { readonly session: Session; readonly gates: readonly string[] }>();
const files = new Map<string, Promise<Uint8Array>>();

async function makeRuntime(backend: BenchCall['backend']): Promise<Runtime> {
  if (backend === 'wasm') return webRuntime({ ort: await ort, build: ortBuild, exclusively });
  const found = await findAdapter();
  if (!found) throw new Error('this browser gives no WebGPU adapter');
  adapter = found.facts.name;
  return webRuntime({ ort: await ort, build: ortBuild, exclusively, device: await requestDevice(found) });
}

function runtimeFor(backend: BenchCall['backend']): Promise<Runtime> {
  const known = runtimes.get(backend) ?? makeRuntime(backend);
  runtimes.set(backend, known);
  return known;
}

async function create(
  { url, form, backend, bindings, batch, latentInput, channelsFirst, unplannedMemory = false, weights = [] }: BenchCall,
  bytes: Uint8Array,
) {
  const model = readModel(bytes);
  const sizes = boundSizes(model, new Map(bindings), batch);
  const tree = () => discoverBlocks(model, { bindings: sizes.bindings, latentInput });
  const runtime = await runtimeFor(backend);
  const blocks = form.startsWith('gated') ? tree() : undefined; // known before any session is made
  const startMs = performance.now();
  let modelBytes = bytes;
  let gates: readonly string[] = [];
  const fusions = fusionsOn(backend, new Set());
  if (form === 'optimised') modelBytes = writeModel(optimise(model, sizes, [], fusions));
  else if (form === 'fused') modelBytes = writeModel(fuse(model, sizes, { fusions }));
  else if (blocks) {
    const gated = form === 'gated' ? gate(model, blocks) : gateOptimised(model, blocks, sizes, fusions);
    modelBytes = writeModel(gated.model);
    gates = [...gated.gates.values()];
  }
  const session = await runtime.createSession({
    what: url,
    modelBytes,
    externalData: new Map(weights.map((file) => [file.name, blobSource(file)])),
    optimised: form.endsWith('optimised'),
    channelsFirst: channelsFirst ?? form.endsWith('optimised'),
    unplannedMemory,
  });
  return { session, gates, createMs: performance.now() - startMs };
}

const filled = (dims: readonly number[], values: readonly number[] | number): Float32Array =>
  typeof values === 'number' ? new Float32Array(elementCount(dims)).fill(values) : Float32Array.from(values);

async function answer(call: BenchCall): Promise<BenchResult> {
  const key = `${call.url} ${call.form} ${call.backend} ${call.channelsFirst ?? ''}`;
  const file = files.get(call.url) ?? fetch(call.url).then(async (got) => new Uint8Array(await got.arrayBuffer()));
  files.set(call.url, file);
  const made = call.fresh ? undefined : sessions.get(key);
  const { session, gates, createMs } = made ? { ...made, createMs: 0 } : await create(call, await file);
  if (!call.fresh) sessions.set(key, { session, gates });
  const off = new Set(call.off);
  const output = readModel(await file).graph.outputs[0]!.name;
  const given: Record<string, PlainTensor> = {};
  for (const [name, { dims, values }] of Object.entries(call.feeds))
    given[name] = tensorOf('float32', dims, filled(dims, values));
  for (const name of gates) given[name] = boolScalar(!off.has(name.replace(/^keep:/, '')));
  const [heapBytes, dispatched] = [memory?.buffer.byteLength ?? 0, dispatches];
  const runMs: number[] = [];
  for (let run = 0; run < call.runs; run++) {
    const startMs = performance.now();
    await session.run(given satisfies Feeds, [output]);
    runMs.push(performance.now() - startMs);
  }
  if (call.fresh) await session.release();
  return {
    createMs,
    runMs,
    dispatches: call.runs === 0 ? 0 : (dispatches - dispatched) / call.runs,
    grownBytes: (memory?.buffer.byteLength ?? 0) - heapBytes,
    heapBytes: memory?.buffer.byteLength ?? 0,
    adapter,
  };
}

self.onmessage = ({ data }: MessageEvent<BenchCall>) => {
  answer(data).then(
    (result) => self.postMessage({ result }),
    (error: unknown) => self.postMessage({ error: String(error) }),
  );
};
