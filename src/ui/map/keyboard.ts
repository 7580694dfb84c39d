/** Arrow keys on the map: the nearest cell in the direction of the key, by where the cells are drawn. */
import { present } from '../../errors/present';

export type Direction = 'ArrowLeft' | 'ArrowRight' | 'ArrowUp' | 'ArrowDown';

export interface Spot {
  readonly id: string;
  readonly x: number;
  readonly y: number;
}

export function isDirection(key: string): key is Direction {
  return key === 'ArrowLeft' || key === 'ArrowRight' || key === 'ArrowUp' || key === 'ArrowDown';
}

/** Distance across the direction counts more than distance along it, so rows and columns are kept. */
const acrossWeight = 2.5;

export function nearest(spots: readonly Spot[], fromId: string, key: Direction): string | null {
  const from = spots.find((spot) => spot.id === fromId);
  if (!from) return spots[0]?.id ?? null;
  const horizontal = key === 'ArrowLeft' || key === 'ArrowRight';
  const sign = key === 'ArrowRight' || key === 'ArrowDown' ? 1 : -1;
  let best: string | null = null;
  let bestCost = Infinity;
  for (const spot of spots) {
    const [along, across] = horizontal ? [spot.x - from.x, spot.y - from.y] : [spot.y - from.y, spot.x - from.x];
    if (sign * along < 4) continue;
    const cost = sign * along + acrossWeight * Math.abs(across);
    if (cost < bestCost) [best, bestCost] = [spot.id, cost];
  }
  return best;
}

/** Centres of the cells inside `root`, in page pixels. */
export function spotsIn(root: HTMLElement): readonly Spot[] {
  return [...root.querySelectorAll<HTMLElement>('[data-block-id]')].map((element) => {
    const box = element.getBoundingClientRect();
    return { id: present(element.dataset['blockId']), x: box.left + box.width / 2, y: box.top + box.height / 2 };
  });
}
