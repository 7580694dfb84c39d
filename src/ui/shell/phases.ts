/** How the phases of long jobs are called on screen. */
import type { ExportProgress, OpenProgress } from '../../worker/protocol';

export const phaseNames: Readonly<Record<OpenProgress['phase'], string>> = {
  fetch: 'Loading',
  parse: 'Reading',
  discover: 'Finding blocks in',
  session: 'Starting the runtime for',
  'self-test': 'Testing the backend with',
};

export const exportPhases: readonly { readonly phase: ExportProgress['phase']; readonly name: string }[] = [
  { phase: 'prune', name: 'Cut the graph' },
  { phase: 'write', name: 'Write the weights' },
  { phase: 'reload', name: 'Load it afresh' },
  { phase: 'verify', name: 'Compare with the preview' },
  { phase: 'pack', name: 'Pack' },
  { phase: 'save', name: 'Save' },
];
