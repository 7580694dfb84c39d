/**
 * How well the candidate's motion agrees with the reference's: end-point error, and over the whole clip the ratio
 * of the amounts of motion and the cosine of the directions.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import type { Flow } from './opticalFlow';

export interface FlowAgreement {
  /** mean ||F^T - F^S||_2 of each transition, in pixels. */
  readonly epePerTransition: readonly number[];
  /** sum ||F^S|| / sum ||F^T||; null when the reference stands still. */
  readonly magnitudeRatio: number | null;
  /** sum F^T . F^S / sum ||F^T|| ||F^S||: where both move, do they move the same way; null when nowhere both do. */
  readonly directionCosine: number | null;
}

/** Mean flow, in pixels, below which a clip counts as still. */
const nearStill = 1e-3;

export function flowAgreement(reference: readonly Flow[], candidate: readonly Flow[]): FlowAgreement {
  const sums = reference.map((flow, t) => transitionSums(flow, candidate[t]!));
  const total = (read: (sums: TransitionSums) => number) => sums.reduce((sum, entry) => sum + read(entry), 0);
  const pixels = total((entry) => entry.pixels);
  const referenceMagnitude = total((entry) => entry.reference);
  const bothMagnitudes = total((entry) => entry.magnitudeProduct);
  return {
    epePerTransition: sums.map((entry) => entry.endPointError / entry.pixels),
    magnitudeRatio:
      referenceMagnitude > nearStill * pixels ? total((entry) => entry.candidate) / referenceMagnitude : null,
    directionCosine:
      bothMagnitudes > nearStill * nearStill * pixels ? total((entry) => entry.dot) / bothMagnitudes : null,
  };
}

interface TransitionSums {
  readonly pixels: number;
  readonly endPointError: number;
  readonly reference: number;
  readonly candidate: number;
  readonly dot: number;
  readonly magnitudeProduct: number;
}

function transitionSums(a: Flow, b: Flow): TransitionSums {
  let endPointError = 0;
  let reference = 0;
  let candidate = 0;
  let dot = 0;
  let magnitudeProduct = 0;
  for (let i = 0; i < a.u.length; i++) {
    const au = a.u[i]!;
    const av = a.v[i]!;
    const bu = b.u[i]!;
    const bv = b.v[i]!;
    const am = Math.sqrt(au * au + av * av);
    const bm = Math.sqrt(bu * bu + bv * bv);
    endPointError += Math.sqrt((au - bu) ** 2 + (av - bv) ** 2);
    reference += am;
    candidate += bm;
    dot += au * bu + av * bv;
    magnitudeProduct += am * bm;
  }
  return { pixels: a.u.length, endPointError, reference, candidate, dot, magnitudeProduct };
}
