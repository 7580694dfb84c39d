/** A plugin of the build: lists in offline.json what the page consists of, so that a visit can keep it. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Plugin } from 'vite';

/** Of a bundled model only what opening and sampling reads. */
const notForModels = /(^|\/)(README\.md|clips\.png|vae_encoder\/.*)$/;

export function offlineFiles(): Plugin {
  let outDir = '';
  return {
    name: 'vdmini-offline-files',
    apply: 'build',
    configResolved(config) {
      outDir = join(config.root, relative(config.root, config.build.outDir) || 'dist');
    },
    closeBundle() {
      const paths = readdirSync(outDir, { recursive: true, encoding: 'utf8', withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(outDir, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .sort();
      const models: Record<string, string[]> = {};
      for (const path of paths) {
        const folder = /^models\/[^/]+\//.exec(path)?.[0];
        if (folder !== undefined && !notForModels.test(path)) models[folder] = [...(models[folder] ?? []), path];
      }
      const page = paths.filter((path) => !/^models\/|\.wasm$|^offline\.json$|^service-worker\.js$/.test(path));
      const wasm = paths.filter((path) => path.endsWith('.wasm'));
      writeFileSync(join(outDir, 'offline.json'), `${JSON.stringify({ page, wasm, models }, null, 1)}\n`);
    },
  };
}
