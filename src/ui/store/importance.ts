/**
 * What is known of how much each block matters: filled by whoever measures it, read by the map's fill. Absent blocks
 * were not measured. It counts for the model whose fingerprint it names, and for no other.
 */
import { create } from 'zustand';

export interface BlockImportance {
  /** Damage when the block alone is off: mean squared error of the guided output, split exactly; any one unit. */
  readonly content?: number;
  readonly motion?: number;
  /** Measured milliseconds that a step saves without the block. */
  readonly savedMs?: number;
}

export interface Importance {
  readonly fingerprint: string;
  readonly blocks: Readonly<Record<string, BlockImportance>>;
}

export const useImportance = create<{ readonly importance: Importance | null }>()(() => ({ importance: null }));

/** Shows an importance on the map; null takes it away. */
export function setImportance(importance: Importance | null): void {
  useImportance.setState({ importance });
}
