/** One side's clip on a 2-D canvas, at the frame of the common clock and in the common viewport. */
import { type CSSProperties, useEffect, useRef } from 'react';
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
  const transform = useViewport(transformOf);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (shown) drawFrame(canvas.current!, shown.clip, Math.min(frame, shown.clip.frameCount - 1));
  }, [shown, frame]);
  if (!shown) return null;
  return (
    <canvas
      ref={canvas}
      className="clip-canvas"
      style={{ ...style, transform }}
      role="img"
      aria-label={`${side === 'teacher' ? 'Teacher' : 'Student'} clip: ${shown.settings.prompt || `seed ${shown.settings.seed}`}`}
      data-testid={`${side}-canvas`}
      data-clip-hash={clipHash(shown.clip)}
      data-step={shown.step}
      data-final={shown.step === shown.steps}
      data-frame={frame}
    />
  );
}

export function DifferenceCanvas({ style }: { readonly style?: CSSProperties }) {
  const { teacher, student } = useStudio((state) => state.shown);
  const frame = useStudio((state) => state.player.frame);
  const gain = useStudio((state) => state.player.differenceGain);
  const transform = useViewport(transformOf);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!teacher || !student || teacher.clip.width !== student.clip.width) return;
    drawDifference(canvas.current!, teacher.clip, student.clip, Math.min(frame, teacher.clip.frameCount - 1), gain);
  }, [teacher, student, frame, gain]);
  if (!teacher || !student) return null;
  return (
    <canvas
      ref={canvas}
      className="clip-canvas"
      style={{ ...style, transform }}
      role="img"
      aria-label={`Difference of student and teacher, white from ${Math.round(255 / gain)} of 255 levels`}
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
