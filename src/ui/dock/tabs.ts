/**
 * The tabs of the dock under the clips. A feature adds itself here with one entry, its panel in a folder of its own;
 * with one entry there are no tabs to see.
 */
import type { ComponentType } from 'react';
import { HealPanel } from '../heal/HealPanel';
import { MetricsPanel } from '../metrics/MetricsPanel';

export interface DockTab {
  readonly id: string;
  readonly label: string;
  readonly Panel: ComponentType;
}

/** In the order of the work: compare, find what matters, heal, keep. 'heal' is where "Heal it" leads. */
export const dockTabs: readonly DockTab[] = [
  { id: 'compare', label: 'Compare', Panel: MetricsPanel },
  { id: 'heal', label: 'Heal', Panel: HealPanel },
];

export const hasTab = (id: string): boolean => dockTabs.some((tab) => tab.id === id);
