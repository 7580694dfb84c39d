import { describe, expect, test } from 'vitest';
import { openExternalData } from './externalData';
import { filesFolder } from './filesFolder';

function dropped(...paths: string[]) {
  return filesFolder({ kind: 'files', name: 'drop', files: paths.map((path) => ({ path, file: new Blob([path]) })) });
}

describe('dropped files', () => {
  test.each<[string, string[], string[]]>([
    [
      'a folder loses its own name',
      ['my/model_index.json', 'my/unet/model.onnx'],
      ['model_index.json', 'unet/model.onnx'],
    ],
    [
      'nested folders lose what they share',
      ['a/b/unet/model.onnx', 'a/b/model_index.json'],
      ['model_index.json', 'unet/model.onnx'],
    ],
    ['a component folder', ['unet/model.onnx', 'unet/model.onnx_data'], ['model.onnx', 'model.onnx_data']],
    ['loose files', ['net.onnx', 'weights.data'], ['net.onnx', 'weights.data']],
    [
      'Windows separators and leading dots',
      ['.\\m\\unet\\model.onnx', './m/model_index.json'],
      ['model_index.json', 'unet/model.onnx'],
    ],
    [
      'what systems leave lying about',
      ['m/.DS_Store', 'm/net.onnx', '__MACOSX/m/._net.onnx', 'm/Thumbs.db'],
      ['net.onnx'],
    ],
  ])('%s', async (_, given, expected) => {
    const folder = dropped(...given);
    expect(folder.paths).toEqual(expected);
    for (const path of expected) expect(await folder.has(path)).toBe(true);
  });

  test('reads the right bytes with progress', async () => {
    const seen: number[][] = [];
    const source = await dropped('m/unet/model.onnx', 'm/model_index.json').open('unet/model.onnx', {
      onProgress: (...at) => seen.push(at),
    });
    expect(new TextDecoder().decode(await source.read(2, 4))).toBe('unet');
    expect(seen).toEqual([[17, 17]]);
    await expect(source.read(10, 8)).rejects.toMatchObject({ code: 'onnx/external-data-range' });
  });

  test.each<[string, string[], string]>([
    ['nothing', [], 'library/no-model'],
    ['a picture', ['cat.png'], 'library/no-model'],
    ['weights without a graph', ['model.onnx_data', 'config.json'], 'library/no-model'],
    ['a path trick', ['../../net.onnx'], 'onnx/unsafe-location'],
  ])('%s is refused', (_, given, code) => {
    expect(() => dropped(...given)).toThrow(expect.objectContaining({ code }));
  });

  test('a file that is not there is named', async () => {
    await expect(dropped('net.onnx').open('config.json')).rejects.toMatchObject({
      code: 'library/missing-file',
      facts: { path: 'config.json' },
    });
  });
});

describe('weights files', () => {
  test.each<[string, string[], string, string, string]>([
    [
      'beside the graph',
      ['m/unet/model.onnx', 'm/unet/model.onnx.data', 'm/model_index.json'],
      'unet/model.onnx',
      'model.onnx.data',
      'm/unet/model.onnx.data',
    ],
    [
      'a UUID without an ending',
      ['net.onnx', '0b5e8ad0-91e2-11ee'],
      'net.onnx',
      '0b5e8ad0-91e2-11ee',
      '0b5e8ad0-91e2-11ee',
    ],
    ['in a subfolder that the drop lost', ['net.onnx', 'w.bin'], 'net.onnx', 'weights/w.bin', 'w.bin'],
    ['beside wins over elsewhere', ['a/model.onnx', 'a/w.bin', 'b/w.bin'], 'a/model.onnx', 'w.bin', 'a/w.bin'],
  ])('%s', async (_, given, modelPath, location, expected) => {
    const sources = await openExternalData(dropped(...given), modelPath, [location]);
    const source = sources.get(location)!;
    expect(new TextDecoder().decode(await source.read(0, source.sizeBytes))).toBe(expected);
  });

  test('everything that is missing is named at once', async () => {
    const open = openExternalData(dropped('net.onnx', 'a.data'), 'net.onnx', ['a.data', 'b.data', 'c.data', 'b.data']);
    await expect(open).rejects.toMatchObject({
      code: 'onnx/missing-external-data',
      facts: { model: 'net.onnx', missing: ['b.data', 'c.data'] },
    });
  });

  test('two files of that name elsewhere are no match', async () => {
    const open = openExternalData(dropped('net.onnx', 'a/w.bin', 'b/w.bin'), 'net.onnx', ['w.bin']);
    await expect(open).rejects.toMatchObject({ code: 'onnx/missing-external-data' });
  });

  test.each(['../w.bin', '/etc/passwd', 'C:\\w.bin', 'file:///w.bin', 'a/../../w.bin'])(
    'location %s is refused',
    async (location) => {
      await expect(openExternalData(dropped('net.onnx'), 'net.onnx', [location])).rejects.toMatchObject({
        code: 'onnx/unsafe-location',
      });
    },
  );
});
