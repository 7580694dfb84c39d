import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DataType, Tensor } from './model';
import { readSafetensors, writeSafetensors } from './safetensors';

const tensor = (name: string, dataType: DataType, dims: readonly number[], bytes: readonly number[]): Tensor => ({
  name,
  dataType,
  dims,
  data: { kind: 'inline', bytes: Uint8Array.from(bytes) },
});
const tensors = new Map(
  [
    tensor('b.weight', 'float32', [1, 2], [0, 0, 128, 63, 0, 0, 0, 192]),
    tensor('a', 'int64', [], [7, 0, 0, 0, 0, 0, 0, 0]),
    tensor('ü', 'float16', [3, 0], []),
  ].map((one) => [one.name, one] as const),
);

describe('safetensors', () => {
  it('come back as they were', () => {
    const back = readSafetensors(writeSafetensors(tensors));
    expect([...back.keys()]).toEqual(['a', 'b.weight', 'ü']);
    for (const [name, { dataType, dims, data }] of tensors) {
      const read = back.get(name)!;
      expect([read.dataType, read.dims]).toEqual([dataType, dims]);
      expect([...(read.data as { bytes: Uint8Array }).bytes]).toEqual([...(data as { bytes: Uint8Array }).bytes]);
    }
  });

  it('are what the safetensors package reads', async ({ skip }) => {
    try {
      execFileSync('python3', ['-c', 'import safetensors.numpy'], { stdio: 'ignore' });
    } catch {
      skip('the package safetensors is not installed');
    }
    const folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
    try {
      await writeFile(join(folder, 'w.safetensors'), writeSafetensors(tensors));
      const script =
        'import json, sys; from safetensors.numpy import load_file; print(json.dumps({k: [str(v.dtype), list(v.shape), v.tolist()] for k, v in load_file(sys.argv[1]).items()}))';
      const text = execFileSync('python3', ['-c', script, join(folder, 'w.safetensors')], { encoding: 'utf8' });
      expect(JSON.parse(text)).toEqual({
        a: ['int64', [], 7],
        'b.weight': ['float32', [1, 2], [[1, -2]]],
        ü: ['float16', [3, 0], [[], [], []]],
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('are refused where bytes are missing or the header says something else', () => {
    const whole = writeSafetensors(tensors);
    for (const length of [0, 7, 40, whole.length - 1])
      expect(() => readSafetensors(whole.slice(0, length))).toThrow(/damaged/);
    const withHeader = (header: unknown) => {
      const text = new TextEncoder().encode(JSON.stringify(header));
      const bytes = new Uint8Array(8 + text.length + 8);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
      bytes.set(text, 8);
      return bytes;
    };
    for (const header of [
      null,
      1,
      { a: null },
      { a: { dtype: 'F32', shape: [2], data_offsets: [0] } },
      { a: { dtype: 'F32', shape: [-1], data_offsets: [0, 8] } },
      { a: { dtype: 'F32', shape: [3], data_offsets: [0, 8] } },
      { a: { dtype: 'X9', shape: [2], data_offsets: [0, 8] } },
    ])
      expect(() => readSafetensors(withHeader(header))).toThrow(/damaged/);
  });
});
