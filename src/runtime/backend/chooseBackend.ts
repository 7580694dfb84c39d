/** WebGPU or WebAssembly: decided from what the browser says of its adapter. Pure; asking the browser is `gpuDevice`. */
import { StudioError } from '../../errors/StudioError';
import type { BackendPreference } from '../BackendStatus';

export interface AdapterFacts {
  /** For people: 'nvidia ampere', 'Google SwiftShader'. */
  readonly name: string;
  /** It computes on the CPU, far slower there than WebAssembly. */
  readonly isSoftware: boolean;
}

export interface BackendChoice {
  readonly backend: 'webgpu' | 'wasm';
  readonly reason: string;
}

/** `adapter` is undefined where the browser has no WebGPU or gives no adapter. Throws `gpu/unavailable`. */
export function chooseBackend(preference: BackendPreference, adapter: AdapterFacts | undefined): BackendChoice {
  if (preference === 'wasm') return { backend: 'wasm', reason: 'WASM: chosen by hand.' };
  if (preference === 'webgpu') {
    if (!adapter) throw new StudioError('gpu/unavailable', 'This browser gives no WebGPU adapter.');
    return { backend: 'webgpu', reason: `WebGPU: chosen by hand, on ${adapter.name}.` };
  }
  if (!adapter) return { backend: 'wasm', reason: 'WASM: this browser gives no WebGPU adapter.' };
  if (adapter.isSoftware)
    return { backend: 'wasm', reason: `WASM: the only WebGPU adapter is a software one (${adapter.name}).` };
  return { backend: 'webgpu', reason: `WebGPU: ${adapter.name}.` };
}

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render|warp/i;

interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly isFallbackAdapter?: boolean;
}

export function adapterFacts(info: AdapterInfo): AdapterFacts {
  const words =
    info.description !== ''
      ? info.description
      : [info.vendor, info.architecture, info.device].filter((word) => word !== '').join(' ');
  const isSoftware =
    info.isFallbackAdapter === true ||
    SOFTWARE.test(`${info.vendor} ${info.architecture} ${info.device} ${info.description}`);
  return { name: words === '' ? 'an adapter without a name' : words, isSoftware };
}
