/** Files that leave the page besides exports: the metrics' CSV and the plan, each with where it came from. */
import { metricsCsv } from '../../metrics/metricsCsv';
import { csvHeader, fileStem, planFileText, provenanceOf } from '../plan/provenance';
import { download } from './exporting';
import { modelToKeep } from './modelName';
import { read } from './state';

/** The CSV is of the clips on screen, whatever is wanted by now. */
export async function saveMetricsCsv(): Promise<void> {
  const { comparison } = read();
  const open = await modelToKeep('keep');
  if (!comparison || !open) return;
  const { plan, settings, value } = comparison;
  const text = csvHeader(provenanceOf(open, plan, settings)) + metricsCsv(value);
  download(`${fileStem(open, plan, settings, 'metrics')}.csv`, new Blob([text], { type: 'text/csv' }));
}

export async function savePlan(plan = read().plan): Promise<void> {
  const { settings } = read();
  const open = await modelToKeep('plan');
  if (!open) return;
  const text = planFileText(provenanceOf(open, plan, settings));
  download(`${fileStem(open, plan, settings)}.plan.json`, new Blob([text], { type: 'application/json' }));
}
