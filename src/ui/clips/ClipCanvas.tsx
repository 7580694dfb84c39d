/** One side's clip on a 2-D canvas, at the frame of the common clock and in the common viewport. */

import { type CSSProperties, useEffect, useRef } from 'react';
import { present } from '../../errors/present';
import { sideName } from '../store/derived';
import type { Side } from '../store/state';
import { useStudio } from '../store/state';
import { transformOf, useViewport } from '../store/viewport';
import { clipHash, drawDifference, drawFrame } from './pixels';

export interface ClipCanvasProps {
  readonly side: Side;
  readonly style?: CSSProperties;
}

export function ClipCanvas({ side, style }: ClipCanvasProps) {
  const shown = useStudio((state) => state.shown[side]);
  const frame = useStudio((state) => state.player.frame);
  const name = useStudio((state) => sideName(state, side));
  const transform = useViewport(transformOf);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (shown) drawFrame(present(canvas.current), shown.clip, Math.min(frame, shown.clip.frameCount - 1));
  }, [shown, frame]);
  if (!shown) return null;
  return (
    <canvas
      ref={canvas}
      className="clip-canvas"
      style={{ ...style, transform }}
      role="img"
      aria-label={`${name} clip: ${shown.settings.prompt || `seed ${shown.settings.seed}`}`}
      data-testid={`${side}-canvas`}
      data-clip-hash={clipHash(shown.clip)}
      data-step={shown.step}
      data-final={shown.step === shown.steps}
      data-frame={frame}
    />
  );
}

export interface DifferenceCanvasProps {
  /** Which two. */
  readonly sides: readonly [Side, Side];
  readonly style?: CSSProperties;
}

export function DifferenceCanvas({ sides: [first, second], style }: DifferenceCanvasProps) {
  const from = useStudio((state) => state.shown[first]);
  const to = useStudio((state) => state.shown[second]);
  const names = useStudio((state) => `${sideName(state, second)} and ${sideName(state, first)}`);
  const frame = useStudio((state) => state.player.frame);
  const gain = useStudio((state) => state.player.differenceGain);
  const transform = useViewport(transformOf);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!from || !to || from.clip.width !== to.clip.width) return;
    drawDifference(present(canvas.current), from.clip, to.clip, Math.min(frame, from.clip.frameCount - 1), gain);
  }, [from, to, frame, gain]);
  if (!from || !to) return null;
  return (
    <canvas
      ref={canvas}
      className="clip-canvas"
      style={{ ...style, transform }}
      role="img"
      aria-label={`Difference of ${names}, white from ${Math.round(255 / gain)} of 255 levels`}
      data-testid="difference-canvas"
    />
  );
}

/** What the brightness of the difference means. */
export function DifferenceScale() {
  const gain = useStudio((state) => state.player.differenceGain);
  const top = Math.round(255 / gain);
  return (
    <div className="difference-scale" data-testid="difference-scale">
      <span>equal</span>
      <span className="difference-ramp" aria-hidden="true" />
      <span>
        {gain > 1 ? '≥ ' : ''}
        {top} of 255 levels apart
      </span>
    </div>
  );
}
