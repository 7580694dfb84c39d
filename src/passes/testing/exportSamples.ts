/** The exports that tests of the passes run on, and which of PyTorch's cases they take by default. */
import { join } from 'node:path';
import type { OpenedExport } from '../../../fixtures/exports/openExport';
import type { ReferenceCase } from '../../../fixtures/exports/readExport';
import { listExports } from '../../../fixtures/exports/readExport';

/** `VDMINI_EXPORTS` names another folder of exports. */
export const exportsRoot = process.env['VDMINI_EXPORTS'] ?? join(__dirname, '../../../fixtures/exports');
export const exportPaths = listExports(exportsRoot);

/** Decoders and denoisers beside the ten video families, with cases found by trying (training/exports/units.py). */
export const furtherRoot = join(__dirname, '../../../fixtures/further-exports');
export const furtherPaths = listExports(furtherRoot);

/** `npm run test:full`: every case of every export. */
export const full = process.env['VDMINI_FULL'] === '1';

/** A single module, another one for each export of a family, and the preset where there is one, else a random set. */
export function sample({ path, reference }: OpenedExport): readonly ReferenceCase[] {
  const singles = reference.cases.filter(({ kind }) => kind === 'single' || kind === 'branch');
  const variant = exportPaths.filter((other) => other.startsWith(`${reference.family}/`)).indexOf(path);
  const several =
    reference.cases.find(({ kind }) => kind === 'preset') ?? reference.cases.findLast(({ kind }) => kind === 'random');
  return [singles[(variant * 5 + 1) % singles.length]!, several!];
}

export const wholeCase = ({ reference }: OpenedExport): ReferenceCase =>
  reference.cases.find(({ kind }) => kind === 'none')!;
