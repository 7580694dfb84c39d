/** What the page shows as one HTML file to keep and pass on. The writer is loaded when it is asked for. */
import { useState } from 'react';
import { Icon } from '../parts/Icon';
import { fileStem } from '../plan/provenance';
import { showNotice, showProblem } from '../store/engine';
import { download } from '../store/exporting';
import { read, useStudio } from '../store/state';

export function ReportButton() {
  const ready = useStudio((state) => state.open !== null && state.comparison !== null);
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      await saveReport();
    } catch (thrown) {
      showProblem(thrown, 'export');
    }
    setBusy(false);
  };
  return (
    <button
      type="button"
      className="button quiet small"
      disabled={!ready || busy}
      onClick={() => void save()}
      data-testid="save-report"
    >
      <Icon name="download" size={13} /> Report
    </button>
  );
}

async function saveReport(): Promise<void> {
  const { pageReport } = await import('./pageReport');
  const { open, comparison } = read();
  const text = await pageReport();
  if (text === null || !open || !comparison) return showNotice('There are no two clips to report on yet.');
  const stem = fileStem(open, comparison.plan, comparison.settings, 'report');
  download(`${stem}.html`, new Blob([text], { type: 'text/html' }));
}
