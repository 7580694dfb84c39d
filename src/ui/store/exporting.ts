/** Export: the engine prunes, writes, loads the result afresh and compares it; the files are offered after that. */
import type { ExportFormat } from '../../engine/protocol';
import { engine, isAbort, showProblem } from './engine';
import { cancelRun } from './generate';
import { read, write } from './state';

let controller: AbortController | null = null;

export function setExportFormat(exportFormat: ExportFormat): void {
  write({ exportFormat });
}

export function cancelExport(): void {
  controller?.abort();
}

export async function exportPlan(): Promise<void> {
  const { open, plan, settings, exportFormat: format } = read();
  if (!open) return;
  cancelRun();
  controller?.abort();
  const own = new AbortController();
  controller = own;
  write({ exporting: 'starting', exported: null, problem: null });
  try {
    const result = await engine.export(
      { plan, format, settings },
      { signal: own.signal, onProgress: (exporting) => controller === own && write({ exporting }) },
    );
    if (controller === own) write({ exporting: null, exported: { result, plan, format } });
  } catch (thrown) {
    if (controller !== own) return;
    write({ exporting: null });
    if (!isAbort(thrown)) showProblem(thrown, 'export');
  }
}

/** Hands a blob to the browser's download. */
export function download(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
