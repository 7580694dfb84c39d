/** The studio's own built page in a Chromium of its own, with the bundled model on WebAssembly: how long a clip takes. */
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { build, preview } from 'vite';
import { findChromium } from '../../../e2e/chromium';
import { bothDone, visit } from '../../../e2e/studioPage';
import { timeMs } from '../interleaved';

export interface StudioPage {
  /** Milliseconds from the click to the end of a clip of a new seed, nothing dropped. */
  generate(): Promise<number>;
  close(): Promise<void>;
}

/** Builds into `folder`. Throws where no Chromium is found. */
export async function openStudioPage(folder: string, steps: number): Promise<StudioPage> {
  const executablePath = findChromium();
  if (executablePath === null)
    throw new Error('The part "tab" needs Chromium: set CHROMIUM_PATH, or run npm test once.');
  const outDir = join(folder, 'page');
  await build({ logLevel: 'error', build: { outDir, emptyOutDir: true } });
  const server = await preview({ logLevel: 'error', build: { outDir }, preview: { port: 0 } });
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const close = async () => {
    await browser.close();
    await server.close();
  };
  try {
    const page = await browser.newPage({
      viewport: { width: 1440, height: 900 },
      baseURL: server.resolvedUrls!.local[0]!,
    });
    await visit(page, { steps, backend: 'wasm' });
    await bothDone(page);
    return {
      generate: () =>
        timeMs(async () => {
          await page.getByTestId('dice').click();
          await page.getByTestId('cancel-run').waitFor();
          await bothDone(page);
        }),
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
