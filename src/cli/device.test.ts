/** `--device`: the same figures from another device, and none that is made up where there is no such device. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { softwareVulkan } from '../onnx/testing/softwareVulkan';
import { temporaryFolder, unpackExport } from './testing/fixtureModel';
import { runCli, runCliError } from './testing/runCli';

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  model = await unpackExport('latte/legacy/fixed', folder);
});
afterAll(() => rm(folder, { recursive: true }));

interface Damages {
  readonly units: readonly { readonly id: string; readonly output: { readonly total: number } }[];
}

async function analyze(device: string): Promise<Damages> {
  const out = join(folder, `${device}.json`);
  const settings = ['--units', 'stages', '--seeds', '1', '--steps', '1', '--guidance', '1'];
  const { exitStatus, stderr } = await runCli('analyze', model, ...settings, '--device', device, '--out', out);
  expect(stderr + exitStatus).toMatch(/0$/);
  return JSON.parse(await readFile(out, 'utf8')) as Damages;
}

describe('--device', () => {
  it.skipIf(softwareVulkan === undefined)(
    'webgpu gives the figures of the CPU',
    async () => {
      vi.stubEnv('VK_ICD_FILENAMES', softwareVulkan!);
      const [cpu, webgpu] = [await analyze('cpu'), await analyze('webgpu')];
      vi.unstubAllEnvs();
      expect(cpu.units.length).toBeGreaterThan(0);
      for (const [index, { id, output }] of cpu.units.entries()) {
        expect(webgpu.units[index]!.id).toBe(id);
        expect(Math.abs(webgpu.units[index]!.output.total / output.total - 1)).toBeLessThan(1e-2);
      }
      // That it is not the CPU itself is told by runtime/openNodeDevice.test.ts.
      expect(webgpu.units.map(({ output }) => output.total)).not.toEqual(cpu.units.map(({ output }) => output.total));
    },
    120_000,
  );

  it('refuses a device that is not there, and one that it does not know', async () => {
    vi.stubEnv('VK_ICD_FILENAMES', join(folder, 'none.json'));
    const error = await runCliError('analyze', model, '--device', 'webgpu', '--out', join(folder, 'x.json'));
    vi.unstubAllEnvs();
    expect(error).toMatchObject({ code: 'gpu/unavailable', exitStatus: 1 });
    expect(error.message).toContain('Vulkan');
    const unknown = await runCliError('analyze', model, '--device', 'tpu', '--out', join(folder, 'x.json'));
    expect(unknown).toMatchObject({ code: 'cli/usage', exitStatus: 2 });
    expect(unknown.message).toContain('cpu, webgpu, cuda');
  });
});
