/** The browser's GPU adapter, and a device with all that it can do. */
import { StudioError } from '../../errors/StudioError';
import type { AdapterFacts } from './chooseBackend';
import { adapterFacts } from './chooseBackend';

export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  readonly facts: AdapterFacts;
}

/** undefined where there is no WebGPU, or no adapter. */
export async function findAdapter(): Promise<FoundAdapter | undefined> {
  const gpu = (globalThis.navigator as Navigator | undefined)?.gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  return adapter ? { adapter, facts: adapterFacts(adapter.info) } : undefined;
}

/** What the runtime's kernels make use of. */
const WANTED_FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];
/** Attention with subgroups is wrong on software adapters (seen on SwiftShader, by up to 0.26). */
const NOT_ON_SOFTWARE: readonly GPUFeatureName[] = ['subgroups'];

/** The limits that a runtime for large models runs into; the default ones are far below what adapters have. */
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxUniformBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxBindGroups',
  'maxBindingsPerBindGroup',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** Throws `gpu/unavailable` when the adapter gives no device. */
export async function requestDevice({ adapter, facts }: FoundAdapter): Promise<GPUDevice> {
  const requiredFeatures = WANTED_FEATURES.filter(
    (feature) => adapter.features.has(feature) && !(facts.isSoftware && NOT_ON_SOFTWARE.includes(feature)),
  );
  const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((limit) => [limit, adapter.limits[limit]]));
  try {
    return await adapter.requestDevice({ requiredFeatures, requiredLimits });
  } catch (cause) {
    throw new StudioError(
      'gpu/unavailable',
      `${facts.name} gave no device: ${(cause as Error).message}`,
      { adapter: facts.name },
      { cause },
    );
  }
}
