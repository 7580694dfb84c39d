import { describe, expect, it } from 'vitest';
import { asFolder } from './readDropped';

const file = new Blob([]);

describe('dropped files', () => {
  it('takes the common top folder as the name', () => {
    const folder = asFolder([
      { path: 'm/unet/model.onnx', file },
      { path: 'm/model_index.json', file },
    ]);
    expect(folder.name).toBe('m');
    expect(folder.kind === 'files' && folder.files.map(({ path }) => path)).toEqual([
      'unet/model.onnx',
      'model_index.json',
    ]);
  });

  it('names loose files by the model among them', () => {
    expect(
      asFolder([
        { path: 'model.onnx_data', file },
        { path: 'model.onnx', file },
      ]).name,
    ).toBe('model.onnx');
  });

  it('refuses nothing at all', () => {
    expect(() => asFolder([])).toThrowError(expect.objectContaining({ code: 'library/no-model' }));
  });
});
