import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeFolder } from './nodeFolder';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'node-folder-'));
  await mkdir(join(root, 'unet'));
  await writeFile(join(root, 'model_index.json'), '{}');
  await writeFile(join(root, 'unet', 'model.onnx'), 'graph bytes');
  await writeFile(join(root, 'unet', 'model.onnx.data'), 'weights');
});

afterAll(() => rm(root, { recursive: true }));

test('a folder is listed and read by ranges', async () => {
  const folder = await nodeFolder(root);
  expect(folder.paths).toEqual(['model_index.json', 'unet/model.onnx', 'unet/model.onnx.data']);
  expect(await folder.has('unet/model.onnx')).toBe(true);
  expect(await folder.has('unet')).toBe(false);
  const source = await folder.open('unet/model.onnx');
  expect(source).toMatchObject({ sizeBytes: 11, filePath: join(root, 'unet', 'model.onnx') });
  expect(new TextDecoder().decode(await source.read(6, 5))).toBe('bytes');
  await expect(source.read(6, 6)).rejects.toMatchObject({ code: 'onnx/external-data-range' });
  await expect(source.read(-1, 2)).rejects.toMatchObject({ code: 'onnx/external-data-range' });
});

test('one file is its folder with that file in view', async () => {
  const folder = await nodeFolder(join(root, 'unet', 'model.onnx'));
  expect(folder).toMatchObject({ name: 'model.onnx', paths: ['model.onnx'] });
  expect((await folder.open('model.onnx.data')).sizeBytes).toBe(7);
});

test('what is not there is named', async () => {
  await expect(nodeFolder(join(root, 'absent'))).rejects.toMatchObject({ code: 'library/missing-file' });
  const folder = await nodeFolder(root);
  await expect(folder.open('config.json')).rejects.toMatchObject({ code: 'library/missing-file' });
  await expect(folder.open('../x')).rejects.toMatchObject({ code: 'onnx/unsafe-location' });
});
