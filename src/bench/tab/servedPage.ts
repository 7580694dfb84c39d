/** A page built by vite, served, and a Chromium of its own that will show it: what every measurement in the tab begins with. */
import { type Browser, chromium } from '@playwright/test';
import { build, type InlineConfig, type PreviewServer, preview } from 'vite';
import { findChromium } from '../../../e2e/chromium';

export interface ServedPage {
  readonly url: string;
  readonly browser: Browser;
  close(): Promise<void>;
}

export interface ServedPageOptions {
  /** Of the build and of the server; the studio's own where empty. */
  readonly config?: InlineConfig;
  readonly chromiumFlags?: readonly string[];
  readonly downloadsPath?: string;
}

/** Builds into `outDir`. Undefined where no Chromium is found. */
export async function servePage(
  outDir: string,
  { config = {}, chromiumFlags = [], downloadsPath }: ServedPageOptions = {},
): Promise<ServedPage | undefined> {
  const executablePath = findChromium();
  if (executablePath === null) return undefined;
  const inFolder = { ...config, logLevel: 'warn', build: { outDir, emptyOutDir: true } } as const;
  await build(inFolder);
  const server: PreviewServer = await preview({ ...inFolder, preview: { port: 0 } });
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', ...chromiumFlags],
    ...(downloadsPath === undefined ? {} : { downloadsPath }),
  });
  return {
    url: server.resolvedUrls!.local[0]!,
    browser,
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/** As `servePage`, for what cannot be left out. Throws where no Chromium is found. */
export async function requirePage(...args: Parameters<typeof servePage>): Promise<ServedPage> {
  const served = await servePage(...args);
  if (!served) throw new Error('The part "tab" needs Chromium: set CHROMIUM_PATH, or run npm test once.');
  return served;
}
