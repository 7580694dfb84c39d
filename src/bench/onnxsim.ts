/** The npm package onnxsim, where the person installed it: no dependency of ours. Runs in a process of its own. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const limitMs = 10 * 60_000;

const node = (script: string, ...args: string[]) =>
  run(process.execPath, ['--input-type=module', '-e', script, ...args], { timeout: limitMs, maxBuffer: 1 << 26 });

export async function onnxsimAvailable(): Promise<boolean> {
  return node(`import.meta.resolve('onnxsim')`).then(
    () => true,
    () => false,
  );
}

const script = `
import { readFile, writeFile } from 'node:fs/promises';
import { simplify } from 'onnxsim';
const [path, out] = process.argv.slice(1);
const start = performance.now();
const { model } = await simplify(await readFile(path));
await writeFile(out, model);
console.log('ms', performance.now() - start);
`;

/** Milliseconds of reading, simplifying and writing. Throws what made it fail. */
export async function simplify(path: string, out: string): Promise<number> {
  const { stdout } = await node(script, path, out);
  return Number(/ms ([\d.]+)/.exec(stdout)![1]);
}
