/** A Chromium of its own with the bench's page in it, built as the studio is, and models served beside it. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { adapterFlags } from '../../../e2e/chromium';
import { requirePage } from './servedPage';
import type { BenchCall, BenchResult } from './worker';

export interface TabRuntime {
  call(request: BenchCall): Promise<BenchResult>;
  /** A worker and a heap of their own, with these files beside the graphs. */
  restart(weights: readonly string[]): Promise<void>;
  /** Chromium's version. */
  readonly browser: string;
  close(): Promise<void>;
}

/** `models`: address -> file. `ownGpu`: as `adapterFlags` takes it. Builds into `folder`. Throws where no Chromium is found. */
export async function openTabRuntime(
  folder: string,
  models: ReadonlyMap<string, string>,
  ownGpu?: boolean,
): Promise<TabRuntime> {
  const root = import.meta.dirname;
  const { url, browser, close } = await requirePage(join(folder, 'bench-page'), {
    chromiumFlags: adapterFlags(ownGpu),
    config: {
      root,
      configFile: join(root, '../../../vite.config.ts'),
      publicDir: false,
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
    },
  });
  try {
    let page: Page;
    const restart = async (weights: readonly string[]) => {
      const last = page;
      page = await browser.newPage();
      await last?.close();
      await page.goto(url);
      await page.waitForFunction(() => 'bench' in window);
      await page.locator('input').setInputFiles([...weights]);
    };
    await restart([]);
    const call = (request: BenchCall) =>
      page.evaluate(
        (given) => (window as unknown as { bench(call: BenchCall): Promise<BenchResult> }).bench(given),
        request,
      );
    return { call, restart, browser: browser.version(), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
