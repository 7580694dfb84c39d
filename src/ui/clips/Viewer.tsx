/** The two clips: next to each other, with a draggable split, or their difference. */
import { type PointerEvent, useLayoutEffect, useRef, useState } from 'react';
import { setSplit } from '../store/player';
import type { Side } from '../store/state';
import { useStudio } from '../store/state';
import { ClipCanvas, DifferenceCanvas } from './ClipCanvas';
import { fittingZoom } from './pixels';
import { SideCaption } from './SideCaption';
import { WaitingClip } from './WaitingClip';
import './viewer.css';

const gapPx = 20;
const captionPx = 26;

/** Size of the element in CSS pixels, kept up to date. */
function useRoom() {
  const ref = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      setRoom({ width, height: Math.max(0, height - captionPx) });
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
  // Before the first clip its size is unknown: the frames of small models are about this large.
  const size = clip ?? { width: 64, height: 64 };
  const factor = zoom > 0 ? zoom : fittingZoom(room, size, view === 'side-by-side' ? 2 : 1, gapPx);
  const box = { width: Math.round(size.width * factor), height: Math.round(size.height * factor) };
  return (
    <div className="viewer" ref={ref} data-view={view} data-testid="viewer">
      {room.width > 0 &&
        (view === 'side-by-side' ? (
          <div className="sides" style={{ gap: gapPx }}>
            <OneSide side="teacher" box={box} />
            <OneSide side="student" box={box} />
          </div>
        ) : (
          <Together box={box} difference={view === 'difference'} />
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
      <div className="frame" style={box}>
        <ClipCanvas side={side} style={box} />
        <WaitingClip side={side} />
      </div>
    </figure>
  );
}

function Together({ box, difference }: { readonly box: Box; readonly difference: boolean }) {
  return (
    <figure className="side" style={{ minWidth: 440 }}>
      <div className="captions">
        <SideCaption side="teacher" />
        <SideCaption side="student" />
      </div>
      <div className="frame" style={{ ...box, justifySelf: 'center' }}>
        {difference ? <DifferenceCanvas style={box} /> : <Wipe box={box} />}
        <WaitingClip side="student" />
      </div>
    </figure>
  );
}

/** Teacher left of the split, student right of it. The handle is a slider for the keyboard too. */
function Wipe({ box }: { readonly box: Box }) {
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
      <ClipCanvas side="teacher" style={box} />
      <ClipCanvas side="student" style={{ ...box, clipPath: `inset(0 0 0 ${split * 100}%)` }} />
      {both && (
        <div
          className="wipe-handle"
          style={{ left: `${split * 100}%` }}
          role="slider"
          tabIndex={0}
          aria-label="Split between teacher and student"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={percent}
          aria-valuetext={`${percent} % teacher`}
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
