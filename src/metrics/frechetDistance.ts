/**
 * The Frechet distance of two sets of features as Gaussians: |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)); with features of
 * clips it is FVD (Unterthiner et al. 2018). What the features are decides what it means: name the model beside it.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { StudioError } from '../errors/StudioError';

/** Features by clip: `rows` of equal length. */
export type Features = readonly Float64Array[];

/** Fewer clips say more of themselves than of the model: the distance is biased upwards. */
export const FEWEST_CLIPS = 256;

/**
 * Throws `metrics/too-few-clips` under `fewest` of either set. With fewer clips than features the covariances have no
 * full rank and the bias grows; compare equal counts only.
 */
export function frechetDistance(ours: Features, theirs: Features, fewest = FEWEST_CLIPS): number {
  const count = Math.min(ours.length, theirs.length);
  if (count < Math.max(2, fewest))
    throw new StudioError(
      'metrics/too-few-clips',
      `A Frechet distance needs at least ${fewest} clips of each side; there are ${count}.`,
      { clips: count, needed: fewest },
    );
  const [first, second] = [gaussianOf(ours), gaussianOf(theirs)];
  const shift = first.mean.reduce((sum, value, i) => sum + (value - second.mean[i]!) ** 2, 0);
  const root = squareRoot(first.covariance);
  const product = root.mmul(second.covariance).mmul(root);
  const cross = eigenvalues(product).reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  return shift + first.covariance.trace() + second.covariance.trace() - 2 * cross;
}

/** Mean, and covariance with n - 1. */
function gaussianOf(features: Features): { readonly mean: Float64Array; readonly covariance: Matrix } {
  const length = features[0]!.length;
  const mean = new Float64Array(length);
  for (const row of features) row.forEach((value, i) => (mean[i]! += value / features.length));
  const centred = new Matrix(features.map((row) => row.map((value, i) => value - mean[i]!)));
  return {
    mean,
    covariance: centred
      .transpose()
      .mmul(centred)
      .div(features.length - 1),
  };
}

/** Of a symmetric matrix without negative eigenvalues, but for rounding. */
function squareRoot(matrix: Matrix): Matrix {
  const { eigenvectorMatrix, realEigenvalues } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  const scaled = eigenvectorMatrix.clone().mulRowVector(realEigenvalues.map((value) => Math.sqrt(Math.max(0, value))));
  return scaled.mmul(eigenvectorMatrix.transpose());
}

/** Of a matrix that is symmetric but for rounding. */
function eigenvalues(matrix: Matrix): readonly number[] {
  const symmetric = matrix.clone().add(matrix.transpose()).div(2);
  return new EigenvalueDecomposition(symmetric, { assumeSymmetric: true }).realEigenvalues;
}
