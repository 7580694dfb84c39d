/** The two clips: next to each other, with a draggable split, or their difference; magnified and swapped in step. */
import { type PointerEvent, type ReactNode, useLayoutEffect, useRef, useState } from 'react';
import { setSplit } from '../store/player';
import type { Side } from '../store/state';
import { useStudio } from '../store/state';
import { useViewport } from '../store/viewport';
import { ClipCanvas, DifferenceCanvas, DifferenceScale } from './ClipCanvas';
import { fittingZoom } from './pixels';
import { SideCaption } from './SideCaption';
import { useViewportGestures } from './useViewportGestures';
import { WaitingClip } from './WaitingClip';
import './viewer.css';

const gapPx = 16;

/** Size of the element in CSS pixels, kept up to date. */
function useRoom() {
  const ref = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      setRoom({ width, height });
    });
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, []);
  return { ref, room };
}

export function Viewer() {
  const { ref, room } = useRoom();
  const view = useStudio((state) => state.player.view);
  const zoom = useStudio((state) => state.player.zoom);
  const clip = useStudio((state) => state.shown.teacher?.clip ?? state.shown.student?.clip);
  const swapped = useViewport((state) => state.swapped);
  // Before the first clip its size is unknown: the frames of small models are about this large.
  const size = clip ?? { width: 64, height: 64 };
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  // captions over the frames, and the scale under a difference
  const aroundPx = (view === 'difference' ? 3.75 : 1.875) * rem;
  const free = { width: room.width, height: Math.max(0, room.height - aroundPx) };
  const factor =
    zoom > 0 ? zoom : fittingZoom(free, size, view === 'side-by-side' ? 2 : 1, gapPx, window.devicePixelRatio);
  const box = { width: Math.round(size.width * factor), height: Math.round(size.height * factor) };
  const sides: readonly Side[] = swapped ? ['student', 'teacher'] : ['teacher', 'student'];
  return (
    <div className="viewer" ref={ref} data-view={view} data-swapped={swapped || undefined} data-testid="viewer">
      {room.width > 0 &&
        (view === 'side-by-side' ? (
          <div className="sides" style={{ gap: gapPx }}>
            {sides.map((side) => (
              <OneSide key={side} side={side} box={box} />
            ))}
          </div>
        ) : (
          <Together box={box} difference={view === 'difference'} sides={sides} />
        ))}
    </div>
  );
}

interface Box {
  readonly width: number;
  readonly height: number;
}

function OneSide({ side, box }: { readonly side: Side; readonly box: Box }) {
  return (
    <figure className="side">
      <SideCaption side={side} />
      <Frame box={box} dragPans>
        <ClipCanvas side={side} style={box} />
        <WaitingClip side={side} />
      </Frame>
    </figure>
  );
}

interface FrameProps {
  readonly box: Box;
  readonly dragPans: boolean;
  readonly children: ReactNode;
}

function Frame({ box, dragPans, children }: FrameProps) {
  const { ref, handlers } = useViewportGestures(dragPans);
  const magnified = useViewport((state) => state.scale > 1);
  return (
    <div className="frame" ref={ref} style={box} data-magnified={magnified || undefined} {...handlers}>
      {children}
    </div>
  );
}

interface TogetherProps {
  readonly box: Box;
  readonly difference: boolean;
  readonly sides: readonly Side[];
}

function Together({ box, difference, sides }: TogetherProps) {
  return (
    <figure className="side together">
      <div className="captions">
        <SideCaption side={sides[0]!} />
        <SideCaption side={sides[1]!} />
      </div>
      <Frame box={box} dragPans={difference}>
        {difference ? <DifferenceCanvas style={box} /> : <Wipe box={box} sides={sides} />}
        <WaitingClip side="student" />
      </Frame>
      {difference && <DifferenceScale />}
    </figure>
  );
}

/** One side left of the split, the other right of it. The handle is a slider for the keyboard too. */
function Wipe({ box, sides }: { readonly box: Box; readonly sides: readonly Side[] }) {
  const split = useStudio((state) => state.player.split);
  const both = useStudio((state) => state.shown.teacher !== undefined && state.shown.student !== undefined);
  const area = useRef<HTMLDivElement>(null);
  const drag = (event: PointerEvent) => {
    if (event.buttons === 0) return;
    const { left, width } = area.current!.getBoundingClientRect();
    setSplit((event.clientX - left) / width);
  };
  const percent = Math.round(split * 100);
  return (
    <div
      className="wipe"
      ref={area}
      style={box}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        drag(event);
      }}
      onPointerMove={drag}
    >
      <div className="wipe-part">
        <ClipCanvas side={sides[0]!} style={box} />
      </div>
      <div className="wipe-part" style={{ clipPath: `inset(0 0 0 ${split * 100}%)` }}>
        <ClipCanvas side={sides[1]!} style={box} />
      </div>
      {both && (
        <div
          className="wipe-handle"
          style={{ left: `${split * 100}%` }}
          role="slider"
          tabIndex={0}
          aria-label={`Split between ${sides[0]} and ${sides[1]}`}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={percent}
          aria-valuetext={`${percent} % ${sides[0]}`}
          onKeyDown={(event) => {
            const by = event.key === 'ArrowLeft' ? -0.02 : event.key === 'ArrowRight' ? 0.02 : 0;
            if (by === 0) return;
            event.preventDefault();
            event.stopPropagation();
            setSplit(split + by);
          }}
          data-testid="wipe-handle"
        >
          <span />
        </div>
      )}
    </div>
  );
}
