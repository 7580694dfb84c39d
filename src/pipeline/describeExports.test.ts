import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listExports, readExportedModel } from '../../fixtures/exports/readExport';
import { memoryFolder } from '../library/testing/memoryFolder';
import { readModel } from '../onnx/readModel';
import { describePipeline } from './describePipeline';

const ROOT = resolve(__dirname, '../../fixtures/exports');

/** Latent of each family's export, and its layout. */
const EXPECTED: Readonly<Record<string, object>> = {
  modelscope: { latentLayout: 'BCFHW', latent: { channels: 4, frames: 3, height: 8, width: 16 } },
  svd: {
    latentLayout: 'BFCHW',
    latent: { channels: 4, frames: 2, height: 16, width: 16 },
    denoiser: { modelPath: 'net.onnx', latentInput: 'sample', inputChannels: 8, outputChannels: 4 },
  },
};

describe("real exporters' graphs, dropped as one file without any config", () => {
  test.each(listExports(ROOT).filter((path) => path.split('/')[0]! in EXPECTED))('%s', async (path) => {
    const model = readModel(readExportedModel(ROOT, path));
    const description = await describePipeline(memoryFolder({ 'net.onnx': '' }), async () => model);
    expect(description).toMatchObject(EXPECTED[path.split('/')[0]!]!);
    expect(description.notes).toHaveLength(2);
  });
});
