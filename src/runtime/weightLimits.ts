/**
 * Whether a model's weights fit where a session would hold them, told before anything is loaded: the limit that they pass
 * by name. What an adapter allows is asked of it; how much memory a GPU has cannot be asked, so that is found by trying.
 */
import type { OrtBuild } from './BackendStatus';

/** What a session would have to hold. */
export interface WeightsNeed {
  /** All of a component: its graph file and its weights files. */
  readonly totalBytes: number;
  /** The part of it in the graph file, which goes through WebAssembly's memory whatever computes. */
  readonly graphBytes: number;
  readonly largestFileBytes: number;
  readonly largestTensor: { readonly name: string; readonly bytes: number };
  /** Some of it is in half precision, which the CPU computes as float32. */
  readonly isHalf: boolean;
}

export interface WeightLimits {
  /** Without stack switching the runtime reads weights files whole. */
  readonly build: OrtBuild;
  /** Absent on WebAssembly. */
  readonly device?: Pick<GPUSupportedLimits, 'maxBufferSize' | 'maxStorageBufferBindingSize'>;
}

/** Addresses of 32 bits. */
export const HEAP_BYTES = 4 * 2 ** 30;
/** The runtime itself and the values between layers. */
const HEAP_KEPT_BYTES = 0.25 * 2 ** 30;
/** On the CPU weights are held as they came and as they are packed; a graph file is held as bytes and as tensors. */
const COPIES = 2;
/** Node and browsers read no longer file at once. */
const WHOLE_FILE_BYTES = 2 ** 31;

/** Float32 weights that WebAssembly's memory holds. */
export const heapCapacityBytes = (HEAP_BYTES - HEAP_KEPT_BYTES) / COPIES;

/** Why it does not fit, a full sentence; undefined where nothing speaks against trying. */
export function refusalOf(need: WeightsNeed, { build, device }: WeightLimits): string | undefined {
  const heap = `WebAssembly's memory ends at ${gigabytes(HEAP_BYTES)}`;
  if (!device) {
    const held = heapCapacityBytes / (need.isHalf ? 2 : 1);
    const twice = need.isHalf
      ? 'four times: half precision is widened for the CPU, and packed'
      : 'twice: read and packed';
    return need.totalBytes > held
      ? `${heap}, and weights are in it ${twice}. It holds ${gigabytes(held)} of these.`
      : undefined;
  }
  if (need.graphBytes * COPIES > HEAP_BYTES - HEAP_KEPT_BYTES)
    return `${heap}, and ${gigabytes(need.graphBytes)} of them are in the graph file itself, which is in it twice. Weights in a file beside the graph go to the GPU without passing it.`;
  const { name, bytes } = need.largestTensor;
  const largest = Math.min(device.maxBufferSize, device.maxStorageBufferBindingSize);
  if (bytes > largest)
    return `The largest, ${name}, has ${gigabytes(bytes)}, and this adapter's buffers end at ${gigabytes(largest)}.`;
  if (build !== 'jspi' && need.largestFileBytes >= WHOLE_FILE_BYTES)
    return `This browser cannot stream them to the GPU (WebAssembly stack switching is missing), and reads no file beyond ${gigabytes(WHOLE_FILE_BYTES)} whole.`;
  return undefined;
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
