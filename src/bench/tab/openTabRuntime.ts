/** A Chromium of its own with the bench's page in it, built as the studio is, and models served beside it. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { build, preview } from 'vite';
import { findChromium } from '../../../e2e/chromium';
import type { BenchCall, BenchResult } from './worker';

export interface TabRuntime {
  call(request: BenchCall): Promise<BenchResult>;
  /** Chromium's version. */
  readonly browser: string;
  close(): Promise<void>;
}

/** As a headless Chromium has to be told to give a WebGPU adapter without a GPU; with `gpu`, the machine's own. */
export const softwareAdapter = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-unsafe-swiftshader',
];
export const ownAdapter = ['--enable-unsafe-webgpu', '--enable-features=Vulkan', '--ignore-gpu-blocklist'];

/** `models`: address -> file. Builds into `folder`. Throws where no Chromium is found. */
export async function openTabRuntime(
  folder: string,
  models: ReadonlyMap<string, string>,
  adapterFlags: readonly string[] = softwareAdapter,
): Promise<TabRuntime> {
  const executablePath = findChromium();
  if (executablePath === null)
    throw new Error('The part "tab" needs Chromium: set CHROMIUM_PATH, or run npm test once.');
  const outDir = join(folder, 'bench-page');
  const root = import.meta.dirname;
  const configFile = join(root, '../../../vite.config.ts');
  await build({ root, configFile, logLevel: 'error', publicDir: false, build: { outDir, emptyOutDir: true } });
  const server = await preview({
    root,
    configFile,
    logLevel: 'error',
    build: { outDir },
    preview: { port: 0 },
    plugins: [
      {
        name: 'models',
        configurePreviewServer: ({ middlewares }) => {
          middlewares.use((request, response, next) => {
            const path = models.get((request.url ?? '').split('?')[0]!);
            if (path === undefined) next();
            else createReadStream(path).pipe(response);
          });
        },
      },
    ],
  });
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', ...adapterFlags] });
  const close = async (): Promise<void> => {
    await browser.close();
    await server.close();
  };
  try {
    const page: Page = await browser.newPage();
    await page.goto(server.resolvedUrls!.local[0]!);
    await page.waitForFunction(() => 'bench' in window);
    const call = (request: BenchCall) =>
      page.evaluate(
        (given) => (window as unknown as { bench(call: BenchCall): Promise<BenchResult> }).bench(given),
        request,
      );
    return { call, browser: browser.version(), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
