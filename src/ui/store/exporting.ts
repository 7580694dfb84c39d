/** Export: the engine prunes, writes, loads the result afresh and compares it; the files are offered after that, or lie where the person wanted them. */

import { type ComponentId, componentOf } from '../../blocks/plan';
import { StudioError } from '../../errors/StudioError';
import { type ExportedFile, type ExportFormat, type PickedPlace, SUPERSEDED } from '../../worker/protocol';
import { fileStem } from '../plan/provenance';
import { despiteLosses, engine, isAbort, showProblem } from './engine';
import { endRun } from './generate';
import { studentVariant } from './healed';
import { pickPlace, removeIfEmpty } from './pickPlace';
import { read, type StudioState, write } from './state';

let controller: AbortController | null = null;

export function setExportFormat(exportFormat: ExportFormat): void {
  write({ exportFormat });
}

/** Whose graph an export holds. A zip holds every component; its figures are the denoiser's. */
export function exportedComponent({ open, plan, exportComponent, exportFormat }: StudioState): ComponentId {
  if (!open?.decoder || exportFormat === 'pipeline-zip') return 'denoiser';
  const onlyDecoder = plan.dropped.length > 0 && plan.dropped.every((id) => componentOf(id) === 'decoder');
  return exportComponent ?? (onlyDecoder ? 'decoder' : 'denoiser');
}

export function setExportComponent(exportComponent: ComponentId): void {
  write({ exportComponent });
}

/** As everything else of this student is called that leaves the page, so that a folder of files sorts by student. */
function exportName(
  { plan, weights, settings }: Pick<StudioState, 'plan' | 'weights' | 'settings'>,
  open: NonNullable<StudioState['open']>,
  component: ComponentId,
): string {
  return fileStem(
    open,
    plan,
    settings,
    weights === 'original' ? '' : 'healed',
    component === 'denoiser' ? '' : component,
  );
}

export function cancelExport(): void {
  controller?.abort();
}

/** Exports to a place that the person picks now; nothing happens when the picker is closed. Call it from a click. */
export async function exportToPlace(): Promise<void> {
  const { open, exportFormat } = read();
  const component = exportedComponent(read());
  if (!open) return;
  write({ problem: null });
  try {
    const place = await pickPlace(exportFormat, exportName(read(), open, component));
    if (place) await exportPlan(place);
  } catch (thrown) {
    showProblem(thrown, 'export');
  }
}

/** Exports to the place or, without one, to Blobs that are offered as downloads. */
export async function exportPlan(place: PickedPlace | null = null): Promise<void> {
  const { open, plan, weights, settings, exportFormat: format } = read();
  const component = exportedComponent(read());
  if (!open) return;
  const name = exportName(read(), open, component);
  endRun(SUPERSEDED);
  controller?.abort();
  const own = new AbortController();
  controller = own;
  write({ exporting: { place, progress: 'starting' }, exported: null, problem: null });
  try {
    const result = await despiteLosses(() =>
      engine.export(
        { variant: studentVariant({ plan, weights }), component, format, settings, name, ...(place ? { place } : {}) },
        {
          signal: own.signal,
          onProgress: (progress) => controller === own && write({ exporting: { place, progress } }),
        },
      ),
    );
    if (controller === own) write({ exporting: null, exported: { result, plan, weights, format, component, place } });
  } catch (thrown) {
    if (place) await removeIfEmpty(place);
    if (controller !== own) return;
    write({ exporting: null });
    if (!isAbort(thrown)) showProblem(thrown, 'export');
  }
}

/** Downloads a file of an export, whose weights may still lie in files of the person: tells when these have changed. */
export async function downloadExported({ name, blob }: ExportedFile): Promise<void> {
  write({ problem: null });
  try {
    for (const end of [blob.slice(0, 1), blob.slice(-1)]) await end.arrayBuffer();
  } catch (cause) {
    return showProblem(
      new StudioError(
        'onnx/file-changed',
        `${name} cannot be downloaded: the files that it is made of were changed, moved or deleted.`,
        { name },
        { cause },
      ),
      'export',
    );
  }
  download(name, blob);
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
