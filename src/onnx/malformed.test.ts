/** Every malformed file gives the error it should, and nothing takes long. */
import { describe, expect, it } from 'vitest';
import { type ErrorCode, StudioError } from '../errors/StudioError';
import { checkModel } from './checkModel';
import { memorySource } from './memorySource';
import { packModel } from './packModel';
import { readModel } from './readModel';
import { inferShapes } from './shapes/inferShapes';
import { oddModels, wholeModel } from './wire/testing/malformedModels';
import { writeModel } from './writeModel';

/** What opening and saving this file comes to. */
async function outcome(bytes: Uint8Array): Promise<ErrorCode | 'fine'> {
  try {
    const model = readModel(bytes);
    checkModel(model);
    inferShapes(model);
    const packed = await packModel(model, new Map([['weights.data', memorySource(new Uint8Array(64))]]), {
      kind: 'external',
      location: 'out.data',
    });
    checkModel(readModel(packed.modelBytes));
    return 'fine';
  } catch (thrown) {
    if (thrown instanceof StudioError) return thrown.code;
    throw thrown;
  }
}

describe('odd files', () => {
  it('are many', () => {
    expect(oddModels.filter((odd) => odd.outcome !== 'fine').length).toBeGreaterThanOrEqual(40);
    expect(new Set(oddModels.map((odd) => odd.name)).size).toBe(oddModels.length);
  });

  it.each(oddModels)('$name: $outcome', async (odd) => {
    const start = process.cpuUsage();
    expect(await outcome(odd.bytes)).toBe(odd.outcome);
    const { user, system } = process.cpuUsage(start); // unlike the clock, the same on a busy machine
    expect((user + system) / 1000).toBeLessThan(1000);
  });

  it('say so wherever a file is cut', async () => {
    const allowed = ['onnx/truncated', 'onnx/not-onnx', 'onnx/invalid-graph', 'onnx/missing-opset'];
    for (let length = 0; length < wholeModel.length; length++)
      expect(allowed).toContain(await outcome(wholeModel.slice(0, length)));
    expect(await outcome(wholeModel)).toBe('fine');
  });

  it('that are fine stay the same from the first rewrite on', () => {
    for (const odd of oddModels.filter((candidate) => candidate.outcome === 'fine')) {
      const written = writeModel(readModel(odd.bytes));
      expect(Buffer.compare(writeModel(readModel(written)), written), odd.name).toBe(0);
    }
  });
});
