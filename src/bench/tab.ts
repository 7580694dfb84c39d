/** The built page in a Chromium of its own: what the tab takes for the work that the command line also does. */
import { join } from 'node:path';
import type { Download } from '@playwright/test';
import { timeMs } from './interleaved';
import { servePage } from './tab/servedPage';

export interface Tab {
  /** Prunes by the preset VDMini and exports with the weights beside the graph: from the click to the result, and from there until both files are saved. */
  exportPreset(): Promise<{ readonly readyMs: number; readonly downloadMs: number }>;
  close(): Promise<void>;
}

/** Builds the page into `folder` and opens a model there from its files. Undefined where no Chromium is found. */
export async function openTab(folder: string, files: readonly string[]): Promise<Tab | undefined> {
  const served = await servePage(join(folder, 'page'), { downloadsPath: join(folder, 'downloads') });
  if (!served) return undefined;
  const { url, browser, close } = served;
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.route('**/models/emoji-t2v/**', (route) => route.abort()); // nothing but the given model takes time
    await page.goto(url);
    await page.getByTestId('open-model').click();
    await page.getByTestId('files-input').setInputFiles([...files]);
    await page.getByTestId('preset-vdmini').click({ timeout: 60_000 });
    await page.getByTestId('export-open').click();
    await page.getByTestId('format-onnx-external').check();
    const downloads: Download[] = [];
    const exportPreset = async () => {
      const readyMs = await timeMs(async () => {
        await page.getByTestId('export-run').click();
        await page.getByTestId('export-result').waitFor();
      });
      const downloadMs = await timeMs(async () => {
        for (const button of await page.getByTestId('export-download').all()) {
          const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
          await download.path(); // once it is whole
          downloads.push(download);
        }
      });
      for (const download of downloads.splice(0)) await download.delete();
      return { readyMs, downloadMs };
    };
    return { exportPreset, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
