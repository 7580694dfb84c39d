/**
 * Damage against depth: one column of two dots a unit in the order of execution, content and motion, on a logarithmic
 * scale with their 95 % intervals where several clips were measured. A dot leads to its block on the map.
 */

import { useEffect, useRef, useState } from 'react';
import { present } from '../../errors/present';
import type { SplitError, UnitImportance, UnitKind } from '../../worker/protocol';
import { formatTiny } from '../format';
import { hoverBlock } from '../store/edit';
import { type ShownError, shownErrorOf, usePlanning } from '../store/planning';

interface Drawn {
  readonly id: string;
  readonly depth: number;
  readonly output: SplitError & { readonly halfContent: number; readonly halfMotion: number };
  /** In the place of a damage that was not measured. */
  readonly bounds?: { readonly low: number; readonly high: number };
}

const height = 150;
const left = 52;
const bottom = 20;
const top = 8;

export function DamageChart({ units }: { readonly units: readonly UnitImportance[] }) {
  const [width, setWidth] = useState(720);
  const frame = useRef<HTMLElement>(null);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) =>
      setWidth(Math.max(200, Math.round(present(entry).contentRect.width))),
    );
    observer.observe(present(frame.current));
    return () => observer.disconnect();
  }, []);
  const { shownError: shown, unitKind } = usePlanning();
  const ordered = units.flatMap((unit) => drawn(unit, shown)).sort((a, b) => a.depth - b.depth);
  const { from, to } = decades(ordered);
  const x = (index: number) => left + ((index + 0.5) / ordered.length) * (width - left - 8);
  const y = (value: number) => {
    const share = (Math.log10(Math.max(value, 10 ** from)) - from) / (to - from);
    return height - bottom - share * (height - bottom - top);
  };
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter(
    (decade) => (decade - from) % Math.max(1, Math.ceil((to - from) / 4)) === 0,
  );
  return (
    <figure className="damage" ref={frame}>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={describe(ordered)}
        data-testid="damage-chart"
        data-units={ordered.length}
      >
        {ticks.map((decade) => (
          <g key={decade} className="damage-tick">
            <line x1={left} x2={width - 8} y1={y(10 ** decade)} y2={y(10 ** decade)} />
            <text x={left - 6} y={y(10 ** decade) + 4} textAnchor="end">
              10{superscript(decade)}
            </text>
          </g>
        ))}
        <text className="damage-axis" x={left} y={height - 5}>
          runs first
        </text>
        <text className="damage-axis" x={width - 8} y={height - 5} textAnchor="end">
          runs last
        </text>
        {ordered.map((unit, index) =>
          unit.bounds ? (
            <line
              key={unit.id}
              className="damage-bounds"
              x1={x(index)}
              x2={x(index)}
              y1={y(unit.bounds.low)}
              y2={y(unit.bounds.high)}
            >
              <title>{`${unit.id}: expected between ${formatTiny(unit.bounds.low)} and ${formatTiny(unit.bounds.high)}, not measured`}</title>
            </line>
          ) : (
            <g key={unit.id} onPointerEnter={() => hoverBlock(unit.id)} onPointerLeave={() => hoverBlock(null)}>
              <title>{`${unit.id}: content ${formatTiny(unit.output.content)}, motion ${formatTiny(unit.output.motion)}`}</title>
              {[
                { at: -1.5, value: unit.output.content, half: unit.output.halfContent, className: 'content' },
                { at: 1.5, value: unit.output.motion, half: unit.output.halfMotion, className: 'motion' },
              ].map(
                ({ at, value, half, className }) =>
                  half > 0 && (
                    <line
                      key={className}
                      className={`damage-interval ${className}`}
                      x1={x(index) + at}
                      x2={x(index) + at}
                      y1={y(value - half)}
                      y2={y(value + half)}
                    />
                  ),
              )}
              <circle className="damage-content" cx={x(index)} cy={y(unit.output.content)} r={3.5} />
              <rect className="damage-motion" x={x(index) - 3} y={y(unit.output.motion) - 3} width={6} height={6} />
            </g>
          ),
        )}
      </svg>
      <figcaption>
        <span className="damage-key content">● content</span> <span className="damage-key motion">■ motion</span> mean
        squared error of {errorNames(unitKind, shown)}; {measuredText(ordered)}
      </figcaption>
    </figure>
  );
}

/** How many were measured, and how many are only known to be small. */
function measuredText(units: readonly Drawn[]): string {
  const bounded = units.filter(({ bounds }) => bounds).length;
  const measured = `${units.length - bounded} units measured`;
  return bounded === 0 ? measured : `${measured}, ${bounded} too small to be: grey lines say where they are expected`;
}

const errorNames = (kind: UnitKind, shown: ShownError): string =>
  kind === 'decoder'
    ? 'the decoded frames, in 8-bit levels'
    : shown === 'final'
      ? 'the clip’s final latent'
      : 'the denoiser’s output';

/** A unit with the error that is shown in the place of its output's; nothing where that was not measured. */
function drawn(unit: UnitImportance, shown: ShownError): readonly Drawn[] {
  const error = shownErrorOf(unit, shown);
  const { id, depth } = unit;
  if (shown === 'final' && !error && unit.finalBounds) {
    const { low, high } = unit.finalBounds;
    const output = { content: low, motion: low, total: low, halfContent: 0, halfMotion: 0 };
    return [{ id, depth, output, bounds: { low, high } }];
  }
  if (!error) return [];
  const { halfContent = 0, halfMotion = 0 } =
    shown === 'final' ? (unit.final ?? {}) : shown === 'output' ? unit.output : {};
  return [{ id, depth, output: { ...error, halfContent, halfMotion } }];
}

/** Powers of ten around every finite damage; all of nothing stands on the lowest line. */
function decades(units: readonly Drawn[]): { readonly from: number; readonly to: number } {
  const values = units
    .flatMap(({ output }) => [output.content, output.motion])
    .filter((value) => value > 1e-12 && Number.isFinite(value));
  if (values.length === 0) return { from: -3, to: 0 };
  const from = Math.floor(Math.log10(Math.min(...values)));
  return { from, to: Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values)))) };
}

const superscript = (decade: number): string =>
  [...String(decade)].map((digit) => (digit === '-' ? '⁻' : present('⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]))).join('');

function describe(units: readonly Drawn[]): string {
  if (units.length === 0) return 'Damage by block: none measured';
  const most = (key: 'content' | 'motion') =>
    units.reduce((worst, unit) => (unit.output[key] > worst.output[key] ? unit : worst), present(units[0]));
  const [content, motion] = [most('content'), most('motion')];
  return `Damage by block in the order of execution: content from ${content.id} most, ${formatTiny(content.output.content)}; motion from ${motion.id} most, ${formatTiny(motion.output.motion)}`;
}
