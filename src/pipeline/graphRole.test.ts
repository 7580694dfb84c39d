import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readModel } from '../onnx/readModel';
import { buildModel } from '../onnx/testing/buildModel';
import { roleOf } from './graphRole';

const bundled = 'public/models/emoji-t2v';
const role = (path: string) => roleOf(readModel(new Uint8Array(readFileSync(path))).graph);

describe('what a graph is that is no denoiser', () => {
  it('tells the other parts of a pipeline', () => {
    expect(role(`${bundled}/vae_decoder/model.onnx`)).toBe('a VAE decoder');
    expect(role(`${bundled}/vae_encoder/model.onnx`)).toBe('a VAE encoder');
    expect(role(`${bundled}/text_encoder/model.onnx`)).toBe('a text encoder');
    expect(role(`${bundled}/unet/model.onnx`)).toBeUndefined();
  });

  it('refuses no denoiser of the exports, in any form', () => {
    const graphs = readdirSync('fixtures/exports', { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('model.onnx.gz'))
      .map((path) => join('fixtures/exports', path));
    expect(graphs.length).toBeGreaterThan(20);
    for (const path of graphs)
      expect(roleOf(readModel(new Uint8Array(gunzipSync(readFileSync(path)))).graph), path).toBeUndefined();
  });

  it('lets pass what may be a denoiser: one input of four channels, and as many out', () => {
    const model = buildModel((b) => {
      const x = b.input('x', [1, 4, 8, 8]);
      b.op('Relu', [x], {}, { outputs: ['y'] });
      b.output('y', [1, 4, 8, 8]);
    });
    expect(roleOf(model.graph)).toBeUndefined();
  });
});
