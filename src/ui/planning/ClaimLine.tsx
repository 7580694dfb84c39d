/** The paper's claim put to this model, in one sentence with its figures. */
import { depthClaim, depthOf } from '../../metrics/depthClaim';
import type { UnitImportance } from '../../worker/protocol';
import { Explain } from '../parts/Explain';

const words = {
  confirmed: 'confirmed for this model',
  refuted: 'refuted for this model: it is the other way round',
  undecided: 'undecided for this model',
} as const;

interface ClaimLineProps {
  readonly units: readonly UnitImportance[];
  /** Others are still to be measured. */
  readonly soFar: boolean;
}

export function ClaimLine({ units, soFar }: ClaimLineProps) {
  const of = depthOf(units);
  const claim = depthClaim(
    units.map((unit) => ({ depth: of(unit), content: unit.output.content, motion: unit.output.motion })),
  );
  if (!claim)
    return (
      <p className="claim" data-testid="claim" data-verdict="none">
        Too few blocks do any damage to put the paper’s claim to the test.
      </p>
    );
  const { correlation, interval, blocks, verdict } = claim;
  return (
    <p className="claim" data-testid="claim" data-verdict={verdict}>
      “Shallow blocks carry content, deep ones motion” {soFar ? 'is so far' : 'is'} <b>{words[verdict]}</b>:{' '}
      <Explain
        about={
          <>
            Spearman’s rank correlation between a block’s depth (its resolution level; its position where there is one
            level only) and the share of motion in the damage that its removal does. The interval is of 95 % (Fisher’s
            z); wholly above 0 confirms the claim of arXiv 2411.18375, wholly below refutes it.
          </>
        }
      >
        correlation {signed(correlation)} ({signed(interval[0])} to {signed(interval[1])})
      </Explain>{' '}
      over {blocks} blocks.
    </p>
  );
}

const signed = (value: number): string => `${value < 0 ? '−' : ''}${Math.abs(value).toFixed(2)}`;
