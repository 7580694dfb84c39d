/** Finding and reading the parts of a pipeline folder: which files there are, and JSON with errors that name the file. */
import { StudioError } from '../errors/StudioError';
import type { Folder } from '../library/Folder';
import type { Config } from './configFields';

/** The largest published tokenizer.json has 35 MB, other texts have a hundredth. */
const mostBytes = (path: string): number => (/(tokenizer\.json|vocab\.json|merges\.txt)$/.test(path) ? 100e6 : 10e6);

/** Throws `library/missing-file`, and `library/invalid-config` for what is too large to be a text of a pipeline. */
export async function readText(folder: Folder, path: string): Promise<string> {
  const source = await folder.open(path);
  const most = mostBytes(path);
  if (source.sizeBytes > most)
    throw new StudioError(
      'library/invalid-config',
      `${path} has ${(source.sizeBytes / 1e6).toFixed(0)} MB; it may have ${most / 1e6} at most.`,
      { file: path },
    );
  return new TextDecoder().decode(await source.read(0, source.sizeBytes));
}

/** Throws `library/missing-file`, or `library/invalid-config` when the file is not a JSON object. */
export async function readJson(folder: Folder, path: string): Promise<Config> {
  const text = await readText(folder, path);
  let value: unknown;
  try {
    value = parsePythonJson(text);
  } catch (cause) {
    throw new StudioError(
      'library/invalid-config',
      `${path} is not JSON: ${(cause as Error).message}.`,
      { file: path },
      { cause },
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new StudioError('library/invalid-config', `${path} should hold a JSON object.`, { file: path });
  }
  return value as Config;
}

/** A text, or one of the numbers that Python's `json` writes and that JSON does not have. */
const textOrNotFinite = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\bInfinity\b|\bNaN\b/gs;

/** Stands for NaN while it is parsed; no text of a file can hold an unescaped control character. */
const NAN = '\u0000NaN';

/** Throws SyntaxError, of the text as it stands. */
function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!/Infinity|NaN/.test(text)) throw cause;
    const spelt = text.replace(textOrNotFinite, (token) =>
      token.startsWith('"') ? token : token === 'NaN' ? JSON.stringify(NAN) : token.replace('Infinity', '1e999'),
    );
    return JSON.parse(spelt, (_, value: unknown) => (value === NAN ? NaN : value));
  }
}

export async function readOptionalJson(folder: Folder, path: string): Promise<Config | undefined> {
  return (await folder.has(path)) ? readJson(folder, path) : undefined;
}

/** The graph file in a component's folder: model.onnx, or the only .onnx there where the folder can be listed. */
export async function graphIn(folder: Folder, component: string): Promise<string | undefined> {
  const usual = `${component}/model.onnx`;
  if (await folder.has(usual)) return usual;
  const there = folder.paths?.filter((path) => path.startsWith(`${component}/`) && path.endsWith('.onnx')) ?? [];
  return there.length === 1 ? there[0] : undefined;
}

/** Whether model_index.json lists the component: ["library", "Class"], where [null, null] means that it is absent. */
export function listsComponent(index: Config, component: string): boolean {
  const entry = index[component];
  return Array.isArray(entry) && entry.some((part) => part !== null);
}

/** As `graphIn`; throws `library/missing-file` when model_index.json lists the component and its graph is not there. */
export async function listedGraph(folder: Folder, index: Config, component: string): Promise<string | undefined> {
  const path = await graphIn(folder, component);
  if (path === undefined && listsComponent(index, component)) throw missingFile(folder, `${component}/model.onnx`);
  return path;
}

export function missingFile(folder: Folder, path: string): StudioError {
  return new StudioError('library/missing-file', `${folder.name} should have ${path}, but the file is not there.`, {
    path,
    folder: folder.name,
  });
}
