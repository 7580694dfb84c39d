/** The paper's claim put to a model, as a sentence with its interval. */
import { type DepthDamage, depthClaim, depthOf } from '../metrics/depthClaim';

type Placed = Omit<DepthDamage, 'depth'> & { readonly level: number; readonly depth: number };

export function claimSentence(units: readonly Placed[]): string {
  const of = depthOf(units);
  const claim = depthClaim(units.map((unit) => ({ ...unit, depth: of(unit) })));
  if (!claim) return 'Too few units do any damage to put "shallow blocks carry content, deep ones motion" to the test.';
  const { correlation, interval, blocks, verdict } = claim;
  const [low, high] = interval.map((bound) => bound.toFixed(2));
  return `"Shallow blocks carry content, deep ones motion": ${verdict} (Spearman ${correlation.toFixed(2)}, 95 % interval ${low} to ${high}, ${blocks} units).`;
}
