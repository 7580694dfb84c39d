/** ColorVideoVDP of the clips on screen as one figure: measured by itself for small clips, else on a click. */
import { Explain } from '../parts/Explain';
import { isComparisonCurrent } from '../store/derived';
import { measurePerceived, usePerceived } from '../store/perceived';
import { useStudio } from '../store/state';

const about =
  'ColorVideoVDP: how different a person finds the two clips, in just-objectionable differences. 10 is no visible difference; with one JOD less, three of four people prefer the other clip. Of the clip pixel by pixel on a 30-inch 4K screen of 200 cd/m², seen from two screen heights. Formula and parameters of the package cvvdp 0.5.7 (Mantiuk et al. 2024).';

export function PerceivedFigure() {
  const comparison = useStudio((state) => state.comparison);
  const current = useStudio(isComparisonCurrent);
  const { measured, measuring } = usePerceived();
  const jod = measured !== null && measured.of === comparison ? measured.value.jod : null;
  return (
    <div className="number">
      <Explain className="number-name" about={about}>
        ColorVideoVDP
      </Explain>
      {jod === null && current && !measuring ? (
        <button
          type="button"
          className="button quiet small"
          onClick={() => void measurePerceived()}
          data-testid="measure-jod"
        >
          Measure
        </button>
      ) : (
        <span className="value" data-testid="metric-jod" data-value={jod ?? undefined}>
          {jod === null ? '–' : jod.toFixed(2)}
          {jod !== null && <small>JOD</small>}
        </span>
      )}
      <span className="hint">{measuring ? 'being measured' : '10: no difference seen'}</span>
    </div>
  );
}
