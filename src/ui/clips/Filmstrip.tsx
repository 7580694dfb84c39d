/** All frames of both clips under each other: the scrubber. Click or drag seeks; arrows step. */

import { type PointerEvent, useEffect, useRef } from 'react';
import { present } from '../../errors/present';
import type { Clip } from '../../metrics/Clip';
import { frameCount, sideName, sidesOf } from '../store/derived';
import { seek, stepFrames } from '../store/player';
import type { Side } from '../store/state';
import { useStudio } from '../store/state';
import { drawFrame } from './pixels';

export function Filmstrip() {
  const frames = useStudio(frameCount);
  const sides = useStudio(sidesOf);
  const area = useRef<HTMLDivElement>(null);
  const drag = (event: PointerEvent) => {
    if (event.buttons === 0 || frames === 0) return;
    const { left, width } = present(area.current).getBoundingClientRect();
    seek(Math.min(frames - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * frames))));
  };
  return (
    <div className="filmstrip">
      <div className="filmstrip-labels" aria-hidden="true">
        {sides.map((side) => (
          <StripName key={side} side={side} />
        ))}
      </div>
      <div
        className="filmstrip-area"
        ref={area}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag(event);
        }}
        onPointerMove={drag}
        data-testid="filmstrip"
      >
        {sides.map((side) => (
          <Strip key={side} side={side} />
        ))}
        {frames > 0 && <PlayheadBox frames={frames} />}
      </div>
    </div>
  );
}

function StripName({ side }: { readonly side: Side }) {
  const name = useStudio((state) => sideName(state, side));
  return <span className={side}>{name}</span>;
}

function Strip({ side }: { readonly side: Side }) {
  const clip = useStudio((state) => state.shown[side]?.clip);
  if (!clip) return <div className="strip strip-empty" />;
  return (
    <div className="strip" aria-hidden="true">
      {Array.from({ length: clip.frameCount }, (_, frame) => (
        <Thumbnail key={frame} clip={clip} frame={frame} />
      ))}
    </div>
  );
}

function Thumbnail({ clip, frame }: { readonly clip: Clip; readonly frame: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => drawFrame(present(canvas.current), clip, frame), [clip, frame]);
  return <canvas ref={canvas} />;
}

function PlayheadBox({ frames }: { readonly frames: number }) {
  const frame = useStudio((state) => state.player.frame);
  return (
    <div
      className="filmstrip-playhead"
      style={{ left: `${(frame / frames) * 100}%`, width: `${100 / frames}%` }}
      role="slider"
      tabIndex={0}
      aria-label="Frame"
      aria-valuemin={1}
      aria-valuemax={frames}
      aria-valuenow={frame + 1}
      aria-valuetext={`Frame ${frame + 1} of ${frames}`}
      onKeyDown={(event) => {
        const by = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
        if (by === 0) return;
        event.preventDefault();
        event.stopPropagation();
        stepFrames(by);
      }}
    />
  );
}
