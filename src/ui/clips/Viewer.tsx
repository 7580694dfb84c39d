/** The two clips: next to each other, with a draggable split, or their difference; magnified and swapped in step. */

import { type PointerEvent, type ReactNode, useLayoutEffect, useRef, useState } from 'react';
import { present } from '../../errors/present';
import { sideName, sidesOf } from '../store/derived';
import { setSplit } from '../store/player';
import type { ClipPair, Side } from '../store/state';
import { useStudio } from '../store/state';
import { useViewport } from '../store/viewport';
import { ClipCanvas, DifferenceCanvas, DifferenceScale } from './ClipCanvas';
import { fittingZoom } from './pixels';
import { SideCaption } from './SideCaption';
import { useViewportGestures } from './useViewportGestures';
import { WaitingClip } from './WaitingClip';
import './viewer.css';

const gapPx = 16;
const phonePx = 560;

const pairs: Readonly<Record<ClipPair, readonly [Side, Side]>> = {
  student: ['teacher', 'student'],
  second: ['teacher', 'second'],
  students: ['student', 'second'],
};

/** Size of the element in CSS pixels, kept up to date. */
function useRoom() {
  const ref = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = present(entry).contentRect;
      setRoom({ width, height });
    });
    observer.observe(present(ref.current));
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
  const sides = useSides(swapped);
  const three = useStudio((state) => state.second !== null);
  // three in a row on a phone would be stamps: two fit, the third is a swipe away
  const swiped = three && room.width < phonePx;
  const across = swiped ? 2 : three ? 3 : 2;
  // Before the first clip its size is unknown: the frames of small models are about this large.
  const size = clip ?? { width: 64, height: 64 };
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  // captions over the frames, and the scale under a difference
  const aroundPx = (view === 'difference' ? 3.75 : 1.875) * rem;
  const free = { width: room.width, height: Math.max(0, room.height - aroundPx) };
  const factor =
    zoom > 0 ? zoom : fittingZoom(free, size, view === 'side-by-side' ? across : 1, gapPx, window.devicePixelRatio);
  const box = { width: Math.floor(size.width * factor), height: Math.floor(size.height * factor) };
  return (
    <div
      className="viewer"
      ref={ref}
      data-three={three || undefined}
      {...(swiped ? { tabIndex: 0, role: 'group', 'aria-label': 'Clips, swipe for the third' } : {})}
      data-view={view}
      data-swapped={swapped || undefined}
      data-testid="viewer"
    >
      {room.width > 0 &&
        (view === 'side-by-side' ? (
          <div className="sides" style={{ gap: gapPx }}>
            {sides.all.map((side) => (
              <OneSide key={side} side={side} box={box} />
            ))}
          </div>
        ) : (
          <Together box={box} difference={view === 'difference'} sides={sides.pair} />
        ))}
    </div>
  );
}

/** Who is seen next to each other, and which two in wipe and difference; swapped, the last two change places. */
function useSides(swapped: boolean): { readonly all: readonly Side[]; readonly pair: readonly [Side, Side] } {
  const inOrder = useStudio(sidesOf);
  const pair = useStudio((state) => pairs[state.second ? state.player.pair : 'student']);
  const swap = <T,>(sides: readonly T[]): readonly T[] =>
    swapped ? sides.toSpliced(-2, 2, ...sides.slice(-2).toReversed()) : sides;
  return { all: swap(inOrder), pair: swap(pair) as readonly [Side, Side] };
}

interface Box {
  readonly width: number;
  readonly height: number;
}

function OneSide({ side, box }: { readonly side: Side; readonly box: Box }) {
  return (
    <figure className="side" style={{ width: box.width }}>
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
  readonly sides: readonly [Side, Side];
}

function Together({ box, difference, sides }: TogetherProps) {
  return (
    <figure className="side together">
      <div className="captions">
        <SideCaption side={sides[0]} />
        <SideCaption side={sides[1]} />
      </div>
      <Frame box={box} dragPans={difference}>
        {difference ? <DifferenceCanvas sides={sides} style={box} /> : <Wipe box={box} sides={sides} />}
        <WaitingClip side={sides.find((side) => side !== 'teacher') ?? 'student'} />
      </Frame>
      {difference && <DifferenceScale />}
    </figure>
  );
}

/** One side left of the split, the other right of it. The handle is a slider for the keyboard too. */
function Wipe({ box, sides }: Omit<TogetherProps, 'difference'>) {
  const split = useStudio((state) => state.player.split);
  const both = useStudio((state) => sides.every((side) => state.shown[side] !== undefined));
  const names = useStudio((state) => sides.map((side) => sideName(state, side).toLowerCase()).join(' and '));
  const area = useRef<HTMLDivElement>(null);
  const drag = (event: PointerEvent) => {
    if (event.buttons === 0) return;
    const { left, width } = present(area.current).getBoundingClientRect();
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
        <ClipCanvas side={sides[0]} style={box} />
      </div>
      <div className="wipe-part" style={{ clipPath: `inset(0 0 0 ${split * 100}%)` }}>
        <ClipCanvas side={sides[1]} style={box} />
      </div>
      {both && (
        <div
          className="wipe-handle"
          style={{ left: `${split * 100}%` }}
          role="slider"
          tabIndex={0}
          aria-label={`Split between ${names}`}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={percent}
          aria-valuetext={`${percent} % ${names.split(' and ')[0]}`}
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
