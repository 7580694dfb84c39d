/** Python's onnx package, where there is one: what most people would load and save a model with. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The first interpreter that can import onnx: the one named by PYTHON, python3, python. */
export async function findPython(): Promise<string | undefined> {
  for (const command of [process.env['PYTHON'], 'python3', 'python']) {
    if (!command) continue;
    const works = await run(command, ['-c', 'import onnx']).then(
      () => true,
      () => false,
    );
    if (works) return command;
  }
  return undefined;
}

const script = `
import os, sys, time
import onnx
start = time.perf_counter()
model = onnx.load(sys.argv[1])
onnx.save(model, sys.argv[2], save_as_external_data=True, location=os.path.basename(sys.argv[2]) + ".data")
print((time.perf_counter() - start) * 1000)
`;

/** Milliseconds of onnx.load + onnx.save with external data; starting Python and importing are not counted. */
export async function loadAndSave(python: string, path: string, out: string): Promise<number> {
  // onnx.save appends to an external data file that is already there
  await Promise.all([out, `${out}.data`].map((file) => rm(file, { force: true })));
  const { stdout } = await run(python, ['-c', script, path, out]);
  return Number(stdout);
}

const graphScript = `
import json, sys, time
import onnx
start = time.perf_counter()
model = onnx.load(sys.argv[1], load_external_data=False)
loaded = time.perf_counter()
onnx.shape_inference.infer_shapes(model)
print(json.dumps({"loadMs": (loaded - start) * 1000, "inferMs": (time.perf_counter() - loaded) * 1000}))
`;

/** onnx.load without external data, and onnx.shape_inference on the result; starting Python and importing are not counted. */
export async function loadGraph(
  python: string,
  path: string,
): Promise<{ readonly loadMs: number; readonly inferMs: number }> {
  return JSON.parse((await run(python, ['-c', graphScript, path])).stdout);
}
