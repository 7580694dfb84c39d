/** Wheel, drag, pinch and double click on a frame: they move the common viewport, so both sides go together. */
import { type PointerEvent, useEffect, useRef } from 'react';
import { panBy, resetViewport, useViewport, type Viewport, zoomAt } from '../store/viewport';

interface Point {
  readonly x: number;
  readonly y: number;
}

/** `dragPans` false leaves dragging to whoever owns the frame (the wipe). */
export function useViewportGestures(dragPans: boolean) {
  const frame = useRef<HTMLDivElement>(null);
  const pointers = useRef(new Map<number, Point>());
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    // React's wheel listeners are passive and cannot keep the page from scrolling.
    const onWheel = (event: WheelEvent) => {
      // Where the page itself scrolls, a plain wheel is for the page until something is magnified.
      const pageScrolls = document.documentElement.scrollHeight > window.innerHeight + 1;
      if (pageScrolls && !event.ctrlKey && useViewport.getState().scale === 1) return;
      event.preventDefault();
      const at = shareOf(element, event);
      useViewport.setState((viewport) => zoomAt(viewport, Math.exp(-event.deltaY * 0.0022), at.x, at.y));
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, []);
  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (dragPans && useViewport.getState().scale > 1) event.currentTarget.setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent<HTMLElement>) => {
    const before = pointers.current.get(event.pointerId);
    if (!before || !frame.current) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    pointers.current.set(event.pointerId, now);
    if (other) pinch(frame.current, before, now, other);
    else if (dragPans) pan(frame.current, before, now);
  };
  const onPointerEnd = (event: PointerEvent<HTMLElement>) => pointers.current.delete(event.pointerId);
  return {
    ref: frame,
    handlers: {
      onPointerDown,
      onPointerMove,
      onPointerUp: onPointerEnd,
      onPointerCancel: onPointerEnd,
      onDoubleClick: resetViewport,
    },
  };
}

function shareOf(element: HTMLElement, { clientX, clientY }: { readonly clientX: number; readonly clientY: number }) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { x: (clientX - left) / width, y: (clientY - top) / height };
}

function pan(element: HTMLElement, before: Point, now: Point): void {
  const { width, height } = element.getBoundingClientRect();
  change((viewport) => panBy(viewport, (now.x - before.x) / width, (now.y - before.y) / height));
}

function pinch(element: HTMLElement, before: Point, now: Point, other: Point): void {
  const distance = (a: Point, b: Point) => Math.hypot(a.x - b.x, a.y - b.y);
  const at = shareOf(element, { clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2 });
  change((viewport) => zoomAt(viewport, distance(now, other) / Math.max(1, distance(before, other)), at.x, at.y));
}

const change = (by: (viewport: Viewport) => Viewport): void => useViewport.setState(by);
