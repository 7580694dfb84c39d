/** Models are told apart by what they compute: by weights beside the graph too, each byte of them, and by nothing else. */
import { describe, expect, it } from 'vitest';
import { memorySource } from '../onnx/memorySource';
import { fingerprintOf, mayBeOneOf, outlineOf } from './fingerprint';

type Files = Parameters<typeof fingerprintOf>[0]['files'];

const graph = new TextEncoder().encode('a graph');
const named = (
  weights: Uint8Array,
  more: Partial<Parameters<typeof fingerprintOf>[0]> = {},
  path = 'unet/model.onnx',
) =>
  fingerprintOf({
    files: [{ path, bytes: graph, weights: new Map([['model.onnx_data', memorySource(weights)]]) }] as unknown as Files,
    description: { scheduler: { _class_name: 'DDIMScheduler' } },
    ...more,
  });

describe('the fingerprint', () => {
  it('tells finetunes with the same graph apart by any byte of their weights, in every piece', async () => {
    const weights = new Uint8Array(33 * 2 ** 20);
    const first = await named(weights);
    const seen = new Set([first]);
    for (const at of [0, 32 * 2 ** 20 - 1, weights.length - 1]) {
      const other = weights.slice();
      other[at] = 1;
      seen.add(await named(other));
    }
    expect(seen.size).toBe(4);
    expect(await named(weights.slice(), {}, 'elsewhere.onnx')).toBe(first);
  });

  it('is of the scheduler, too, and of every graph', async () => {
    const weights = new Uint8Array(3);
    const first = await named(weights);
    const others = [
      await named(weights, { description: { scheduler: { _class_name: 'EulerDiscreteScheduler' } } }),
      await named(weights, {
        files: [{ path: 'unet/model.onnx', bytes: graph, weights: new Map() }] as unknown as Files,
      }),
    ];
    expect(new Set([first, ...others]).size).toBe(3);
  });

  it('has an outline that reads nothing, and is other for other sizes, files and schedulers', async () => {
    const unread = (sizeBytes: number) => ({ sizeBytes, read: () => Promise.reject(new Error('was read')) });
    const outline = (sizes: Readonly<Record<string, number>>, bytes = graph, scheduler = 'DDIMScheduler') => {
      const weights = new Map(Object.entries(sizes).map(([location, size]) => [location, unread(size)]));
      return outlineOf({
        files: [{ path: 'm', bytes, weights }] as unknown as Files,
        description: { scheduler: { _class_name: scheduler } },
      });
    };
    const first = await outline({ a: 5, b: 6 });
    expect(await outline({ b: 6, a: 5 }, new TextEncoder().encode('b graph'))).toBe(first);
    const others = [
      await outline({ a: 5, b: 7 }),
      await outline({ a: 5 }),
      await outline({ a: 5, c: 6 }),
      await outline({ a: 5, b: 6 }, new TextEncoder().encode('a longer graph')),
      await outline({ a: 5, b: 6 }, graph, 'EulerDiscreteScheduler'),
    ];
    expect(new Set([first, ...others]).size).toBe(6);
  });

  it('may be that of any model of the outline, or of one whose outline nobody knows', () => {
    expect(mayBeOneOf('x', ['one', 'two'], { one: 'y', two: 'z' })).toBe(false);
    expect(mayBeOneOf('x', ['one', 'two'], { one: 'y', two: 'x' })).toBe(true);
    expect(mayBeOneOf('x', ['one', 'old'], { one: 'y' })).toBe(true);
    expect(mayBeOneOf('x', [], { gone: 'x' })).toBe(false);
  });

  it('does not read the weights of what cannot run', async () => {
    const unread = { sizeBytes: 5, read: () => Promise.reject(new Error('was read')) };
    const files = [{ path: 'm', bytes: graph, weights: new Map([['w', unread]]) }] as unknown as Files;
    await expect(named(graph, { files })).rejects.toThrow('was read');
    await expect(named(graph, { files, cannotRun: 'too large' })).resolves.toMatch(/^[0-9a-f]{64}$/);
  });
});
