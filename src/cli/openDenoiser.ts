/** A graph file named on the command line, opened by the studio with the sizes given there. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { StudioError } from '../errors/StudioError';
import type { Folder } from '../library/Folder';
import { nodeFolder } from '../library/nodeFolder';
import { type MappedGraph, openGraph, openSizedGraph, type SizedGraph } from '../studio/openGraph';
import { bindings, latentSize, latentSizeHelp } from './arguments';
import { decoderSizes } from './decoderSizes';

export const denoiserOptions = {
  bind: { type: 'string', multiple: true },
  latent: { type: 'string' },
  'latent-size': { type: 'string' },
} as const;

export const denoiserHelp = `  --bind NAME=SIZE,...   sizes of dynamic dimensions, for the MACs (default: those the studio would use)
  --latent NAME          the input that carries the latent, where it is not found by itself
${latentSizeHelp}`;

export interface SizeOptions {
  readonly bind?: readonly string[];
  readonly 'latent-size'?: string;
}

/** Throws as `openSizedGraph`, and `cli/usage`. */
export async function openSizedModel(path: string, values: SizeOptions): Promise<SizedGraph> {
  return openSizedGraph(await folderOfFile(path), basename(path), await sizesOf(path, values));
}

/** Throws as `openGraph`, and `cli/usage`. */
export async function openDenoiser(
  path: string,
  values: SizeOptions & { readonly latent?: string },
): Promise<MappedGraph> {
  const choice = await sizesOf(path, values);
  return openGraph(await folderOfFile(path), basename(path), { ...choice, latentInput: values.latent });
}

async function sizesOf(path: string, values: SizeOptions) {
  const size = latentSize(values['latent-size']);
  return { bindings: new Map([...(await decoderSizes(path, size)), ...bindings(values.bind)]), latentSize: size };
}

/** The file's folder, seen as that file. Throws `cli/usage` for a folder and `library/missing-file`. */
export async function folderOfFile(path: string): Promise<Folder> {
  const folder = await nodeFolder(path);
  if ((await stat(path)).isDirectory() && !path.endsWith('.onnx'))
    throw new StudioError('cli/usage', `${path} is a folder; give the .onnx file of its denoiser.`);
  return folder;
}
