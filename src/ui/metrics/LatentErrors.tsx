/** A sparkline of the latent's error (student - teacher) by sampling step: content below, motion on top of it. */
import { significant } from '../format';
import { Explain } from '../parts/Explain';
import { type LatentErrorStep, useStudio } from '../store/state';

const width = 96;
const height = 20;

export function LatentErrors() {
  const errors = useStudio((state) => state.latentErrors);
  const steps = useStudio((state) => state.settings.steps);
  const top = Math.max(0, ...errors.map(({ content, motion }) => content + motion));
  if (errors.length < 2 || top === 0) return null;
  const x = (step: number) => ((step - 1) / Math.max(1, steps - 1)) * width;
  const y = (value: number) => height - (value / top) * height;
  const area = (upper: (error: LatentErrorStep) => number, lower: (error: LatentErrorStep) => number) =>
    [
      ...errors.map((error) => [x(error.step), y(upper(error))]),
      ...errors.toReversed().map((error) => [x(error.step), y(lower(error))]),
    ]
      .map((point) => point.map((value) => value.toFixed(1)).join(','))
      .join(' ');
  return (
    <span className="latent-errors">
      <svg
        width={width}
        height={height}
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`Mean squared error of the latent by sampling step: at most ${significant(top)}, content below and motion on top`}
      >
        <polygon
          points={area(
            ({ content }) => content,
            () => 0,
          )}
          fill="var(--content)"
        />
        <polygon
          points={area(
            ({ content, motion }) => content + motion,
            ({ content }) => content,
          )}
          fill="var(--motion)"
        />
      </svg>
      <Explain about="Mean squared error of the latent after each sampling step, content below and motion on top: where the two clips part.">
        latent error by step
      </Explain>
    </span>
  );
}
