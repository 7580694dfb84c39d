/**
 * How the clips are looked at, beyond the whole-number zoom of the player: magnified by the wheel and moved by
 * dragging, both sides in step; and swapped while a key or button is held. Not kept over a reload.
 */
import { create } from 'zustand';

export interface Viewport {
  /** 1 shows the whole clip. */
  readonly scale: number;
  /** Which point of the clip is in the middle, 0..1 in both directions. */
  readonly x: number;
  readonly y: number;
  /** Each side shows the other's clip. */
  readonly swapped: boolean;
}

export const wholeClip = { scale: 1, x: 0.5, y: 0.5 } as const;
export const largestScale = 16;

export const useViewport = create<Viewport>()(() => ({ ...wholeClip, swapped: false }));

export const resetViewport = (): void => useViewport.setState(wholeClip);

export const setSwapped = (swapped: boolean): void => useViewport.setState({ swapped });

/** Magnifies by `factor` around the point at (atX, atY) of the frame, 0..1, which stays where it is. */
export function zoomAt(viewport: Viewport, factor: number, atX: number, atY: number): Viewport {
  const scale = Math.min(largestScale, Math.max(1, viewport.scale * factor));
  // the clip's point under the pointer, before and after
  const move = (middle: number, at: number) => middle + (at - 0.5) / viewport.scale - (at - 0.5) / scale;
  return within({ ...viewport, scale, x: move(viewport.x, atX), y: move(viewport.y, atY) });
}

/** Moves the clip by a share of the frame's size. */
export function panBy(viewport: Viewport, byX: number, byY: number): Viewport {
  return within({ ...viewport, x: viewport.x - byX / viewport.scale, y: viewport.y - byY / viewport.scale });
}

/** No empty border comes into the frame. */
function within(viewport: Viewport): Viewport {
  const half = 0.5 / viewport.scale;
  const clamp = (value: number) => Math.min(1 - half, Math.max(half, value));
  return { ...viewport, x: clamp(viewport.x), y: clamp(viewport.y) };
}

/** Where a canvas that fills its frame is put: in percent of its size. */
export function transformOf({ scale, x, y }: Viewport): string | undefined {
  if (scale === 1) return undefined;
  return `scale(${scale}) translate(${(0.5 - x) * 100}%, ${(0.5 - y) * 100}%)`;
}
