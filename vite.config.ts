/**
 * Builds a static folder that works from any path of any plain file server. The headers of cross-origin isolation
 * (needed by WebAssembly threads) are sent here; elsewhere public/service-worker.js adds them.
 */
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { contentSecurityPolicy } from './contentSecurityPolicy';
import { eagerFunctions } from './eagerFunctions';
import { offlineFiles } from './offlineFiles';
import manifest from './package.json' with { type: 'json' };
import { thirdPartyLicenses } from './thirdPartyLicenses';
import { uncompressedModels } from './uncompressedModels';

const licenses = thirdPartyLicenses(import.meta.dirname);

const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Servers that do not know .mjs send it as a download, which a module import refuses. */
const assetFileNames = ({ names }: { readonly names: readonly string[] }): string =>
  `assets/[name]-[hash]${names[0]?.endsWith('.mjs') ? '.js' : '[extname]'}`;

export default defineConfig({
  base: './',
  define: { __STUDIO_VERSION__: JSON.stringify(manifest.version) },
  plugins: [react(), contentSecurityPolicy(), licenses.page, eagerFunctions(), offlineFiles(), uncompressedModels()],
  worker: {
    format: 'es',
    plugins: () => [licenses.worker, eagerFunctions()],
    rolldownOptions: { output: { assetFileNames } },
  },
  // The runtime finds its wasm files beside itself; pre-bundling would move it away from them.
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  server: { headers: isolation },
  preview: { port: 4173, headers: isolation },
  build: {
    target: 'esnext',
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        assetFileNames,
        codeSplitting: {
          groups: [
            {
              name: 'charts',
              test: /node_modules[\\/](recharts|d3-|victory-vendor|@reduxjs|react-redux|immer|es-toolkit|decimal)/,
            },
            { name: 'react', test: /node_modules[\\/](react|react-dom|scheduler|zustand)[\\/]/ },
          ],
        },
      },
    },
  },
});
