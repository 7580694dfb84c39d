/**
 * A plugin of the build: third-party-licenses.txt, with the licence of every package that the page or its worker
 * holds code, fonts or WebAssembly of. Vite's own list leaves out workers and assets. A package whose author ships no
 * licence text needs one in licenses/; the build fails without.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/** Inside files that are taken as they are: a font, and the runtime's bundles. */
const NOT_IN_THE_GRAPH = ['@fontsource-variable/inter', 'onnxruntime-web', 'onnxruntime-common'];

/** Packages without a licence file -> the file in licenses/. */
const TEXTS: Readonly<Record<string, string>> = {
  'onnxruntime-web': 'onnxruntime.txt',
  'onnxruntime-common': 'onnxruntime.txt',
  '@bufbuild/protobuf': 'bufbuild-protobuf.txt',
};

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

export interface LicensePlugins {
  /** For the page's build: writes the file. */
  readonly page: Plugin;
  /** For the worker's build, which runs inside the page's: only gathers. */
  readonly worker: Plugin;
}

export function thirdPartyLicenses(root: string): LicensePlugins {
  const folders = new Set(NOT_IN_THE_GRAPH.map((name) => join(root, 'node_modules', name)));
  const gather = (ids: readonly string[]): void => {
    for (const id of ids) {
      const folder = id.startsWith('\0') ? undefined : packageFolder(id.replace(/\?.*$/, ''));
      if (folder !== undefined) folders.add(folder);
    }
  };
  const gatherAll = (bundle: object): void => {
    for (const { moduleIds = [] } of Object.values(bundle) as { readonly moduleIds?: readonly string[] }[])
      gather(moduleIds);
  };
  return {
    worker: {
      name: 'vdmini-worker-licenses',
      apply: 'build',
      generateBundle(_, bundle) {
        gatherAll(bundle);
      },
    },
    page: {
      name: 'vdmini-licenses',
      apply: 'build',
      generateBundle(_, bundle) {
        gatherAll(bundle);
        this.emitFile({ type: 'asset', fileName: 'third-party-licenses.txt', source: describe(folders, root) });
      },
    },
  };
}

/** The folder of the package that a module of node_modules belongs to. */
function packageFolder(id: string): string | undefined {
  const start = id.lastIndexOf('/node_modules/');
  if (start < 0) return undefined;
  const [first, second] = id.slice(start + '/node_modules/'.length).split('/');
  const name = first?.startsWith('@') ? `${first}/${second}` : first;
  return `${id.slice(0, start)}/node_modules/${name}`;
}

function describe(folders: ReadonlySet<string>, root: string): string {
  const packages = new Map<string, string>();
  for (const folder of folders) {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
    const title = `${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})`;
    packages.set(title, `${title}\n${'-'.repeat(title.length)}\n\n${licenseText(folder, manifest.name, root)}\n`);
  }
  const texts = [...packages].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
  return `VDMini Studio holds code, fonts and WebAssembly of these packages.\n\n${texts.join('\n\n')}`;
}

function licenseText(folder: string, name: string, root: string): string {
  const own = existsSync(folder) ? readdirSync(folder).find((file) => /^(licen[cs]e|copying)/i.test(file)) : undefined;
  if (own !== undefined) return readFileSync(join(folder, own), 'utf8').trim();
  const known = TEXTS[name];
  if (known === undefined)
    throw new Error(
      `The package ${name} ships no licence text: put it into licenses/ and name it in ${import.meta.filename}.`,
    );
  return readFileSync(join(root, 'licenses', known), 'utf8').trim();
}
