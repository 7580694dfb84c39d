/**
 * The tabs of the dock under the clips. A feature adds itself here with one entry, its panel in a folder of its own;
 * with one entry there are no tabs to see.
 */
import type { ComponentType } from 'react';
import { HealPanel } from '../heal/HealPanel';
import { MetricsPanel } from '../metrics/MetricsPanel';
import { ImportancePanel } from '../planning/ImportancePanel';
import { PlanPanel } from '../planning/PlanPanel';
import { GridPanel } from '../shelf/GridPanel';
import { ShelfPanel } from '../shelf/ShelfPanel';

export interface DockTab {
  readonly id: string;
  readonly label: string;
  readonly Panel: ComponentType;
}

/** In the order of the work: compare, find what matters, heal, keep. 'heal' is where "Heal it" leads. */
export const dockTabs: readonly DockTab[] = [
  { id: 'compare', label: 'Compare', Panel: MetricsPanel },
  { id: 'importance', label: 'Importance', Panel: ImportancePanel },
  { id: 'plan', label: 'Plan for a budget', Panel: PlanPanel },
  { id: 'heal', label: 'Heal', Panel: HealPanel },
  { id: 'shelf', label: 'Shelf', Panel: ShelfPanel },
  { id: 'grid', label: 'Many clips', Panel: GridPanel },
];

export const hasTab = (id: string): boolean => dockTabs.some((tab) => tab.id === id);
