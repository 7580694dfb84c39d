/** The page's export and the command line write the same bytes, graph and weights. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { presetNamed } from '../blocks/presets';
import { nodeFolder } from '../library/nodeFolder';
import { ModelProtoSchema } from '../onnx/wire/onnx_pb';
import { nodeRuntime } from '../runtime/nodeRuntime';
import { openPipeline } from '../studio/openPipeline';
import type { Pipeline } from '../studio/Pipeline';
import { variantOf } from '../studio/Variant';
import { bundledPipeline, temporaryFolder } from './testing/fixtureModel';
import { runCliJson } from './testing/runCli';

let folder: string;
let pipeline: Pipeline;

beforeAll(async () => {
  folder = await temporaryFolder();
  pipeline = await openPipeline(await nodeFolder(bundledPipeline), nodeRuntime());
});

afterAll(async () => {
  await pipeline.release();
  await rm(folder, { recursive: true, force: true });
});

test('of other settings too, and both say what they were seen in', async () => {
  const plan = { dropped: ['mid_block'] };
  const settings = { prompt: 'a red apple', seed: 29, steps: 2, guidance: 1.5 };
  const request = { variant: variantOf(plan), format: 'onnx' as const, settings, name: 'seen' };
  const { files } = await pipeline.exportStudent(request);
  expect(files[0]!.name).toBe('seen.onnx');
  const out = join(folder, 'seen.onnx');
  const model = join(bundledPipeline, pipeline.description.denoiser.modelPath);
  const seen = ['--prompt', settings.prompt, '--seed', '29', '--steps', '2', '--guidance', '1.5'];
  await runCliJson('prune', model, '--drop', 'mid_block', '--out', out, ...seen);
  const written = await readFile(out);
  expect(written.equals(Buffer.from(await files[0]!.blob.arrayBuffer()))).toBe(true);
  const props = fromBinary(ModelProtoSchema, written).metadataProps.map(({ key, value }) => [key, value]);
  expect(Object.fromEntries(props)).toMatchObject({
    'vdmini.model': 'emoji-t2v',
    'vdmini.prompt': 'a red apple',
    'vdmini.plan': JSON.stringify(plan),
    'vdmini.settings': '{"seed":29,"steps":2,"guidance":1.5}',
  });
});

describe.each([
  { format: 'onnx' as const, options: [] },
  { format: 'onnx-external' as const, options: ['--external'] },
])('an export as $format', ({ format, options }) => {
  it('is what "vdmini prune" writes, byte for byte', async () => {
    const { plan } = presetNamed(pipeline.denoiser.tree, 'vdmini');
    const settings = { ...pipeline.description.defaults, seed: 1 };
    const { files } = await pipeline.exportStudent({ variant: variantOf(plan), format, settings });
    const out = join(folder, files[0]!.name);
    const model = join(bundledPipeline, pipeline.description.denoiser.modelPath);
    const pruned = await runCliJson<{ files: { path: string }[] }>(
      'prune',
      model,
      '--preset',
      'vdmini',
      '--out',
      out,
      ...options,
    );
    expect(pruned.files.map(({ path }) => path)).toEqual(files.map(({ name }) => join(folder, name)));
    expect(files).toHaveLength(1 + options.length);
    for (const { name, blob } of files) {
      const written = await readFile(join(folder, name));
      expect(written.equals(Buffer.from(await blob.arrayBuffer())), name).toBe(true);
    }
  });
});
