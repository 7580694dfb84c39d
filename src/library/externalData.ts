/**
 * The weights files that an ONNX graph names: looked for beside the graph, then, where the folder can be listed,
 * by name alone, because people drop files without their folders. Always goes by the location that the graph
 * gives; endings such as `.data`, `.onnx_data` or a bare UUID say nothing.
 */
import { StudioError } from '../errors/StudioError';
import type { ByteSource } from '../onnx/ByteSource';
import type { Folder } from './Folder';
import { baseName, directoryOf, joinPath, normalisePath } from './paths';

type OpenOptions = Parameters<Folder['open']>[1];

/** The path of one weights file in `folder`, or undefined. Throws `onnx/unsafe-location`. */
export async function findExternalData(
  folder: Folder,
  modelPath: string,
  location: string,
): Promise<string | undefined> {
  const beside = joinPath(directoryOf(modelPath), normalisePath(location));
  if (await folder.has(beside)) return beside;
  const byName = folder.paths?.filter((path) => baseName(path) === baseName(beside)) ?? [];
  return byName.length === 1 ? byName[0] : undefined;
}

/**
 * Opens every weights file of `locations`. Looks for all of them before it opens the first: the error
 * `onnx/missing-external-data` names everything that is missing. Throws `onnx/unsafe-location` too.
 */
export async function openExternalData(
  folder: Folder,
  modelPath: string,
  locations: readonly string[],
  options?: OpenOptions,
): Promise<Map<string, ByteSource>> {
  const found = new Map<string, string>();
  const missing: string[] = [];
  for (const location of new Set(locations)) {
    const path = await findExternalData(folder, modelPath, location);
    if (path === undefined) missing.push(location);
    else found.set(location, path);
  }
  if (missing.length > 0) {
    throw new StudioError(
      'onnx/missing-external-data',
      `${modelPath} keeps weights in ${missing.join(', ')}, which ${missing.length === 1 ? 'is' : 'are'} not there.`,
      {
        model: modelPath,
        missing,
      },
    );
  }
  for (const [location, path] of found) {
    if ((await folder.staysInside?.(path)) ?? true) continue;
    throw new StudioError(
      'onnx/unsafe-location',
      `The weights file ${path} is a link that leads out of the folder ${folder.name}. Copy the folder with its links followed (cp -rL).`,
      { location },
    );
  }
  const sources = new Map<string, ByteSource>();
  for (const [location, path] of found) sources.set(location, await folder.open(path, options));
  return sources;
}
