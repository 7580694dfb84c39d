/** The figures of a report from what was measured: of one clip, or the statistics of many. */
import type { ClipComparison } from '../metrics/Clip';
import { type ComparisonSummary, comparedFigures } from '../metrics/comparedFigures';
import type { Summary } from '../metrics/summarise';
import type { ReportFigure } from './ReportContent';

const jodFigure = { name: 'ColorVideoVDP (10: no difference is seen)', unit: 'JOD', of: 'both' } as const;

export function figuresOfClip(comparison: ClipComparison, jod?: number): readonly ReportFigure[] {
  const measured = comparedFigures.map(({ name, unit, of, read }) => ({ name, unit, of, value: read(comparison) }));
  const { flicker, motionMagnitude } = comparison.motion;
  const sides: readonly ReportFigure[] = [
    { name: 'temporal flickering of the reference', unit: '', of: 'motion', value: flicker.reference },
    { name: 'temporal flickering of the candidate', unit: '', of: 'motion', value: flicker.candidate },
    { name: 'motion magnitude of the reference', unit: '', of: 'motion', value: motionMagnitude.reference },
    { name: 'motion magnitude of the candidate', unit: '', of: 'motion', value: motionMagnitude.candidate },
  ];
  return [...(jod === undefined ? [] : [{ ...jodFigure, value: Math.round(jod * 100) / 100 }]), ...measured, ...sides];
}

export function figuresOfMany({
  figures,
  jod,
}: ComparisonSummary & { readonly jod?: Summary }): readonly ReportFigure[] {
  const measured = comparedFigures.map(({ id, name, unit, of }) => ({ name, unit, of, summary: figures[id] }));
  return jod ? [{ ...jodFigure, summary: jod }, ...measured] : measured;
}
