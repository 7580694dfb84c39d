/** Quantiles of the beta distribution with both shapes 0.6, the only ones that schedulers use (scipy's beta.ppf). */

const SHAPE = 0.6;
/** Gamma(0.6)^2 / Gamma(1.2). */
const COMPLETE = 1.4891922488128171 ** 2 / 0.9181687423997607;

/** The x in [0, 1] below which lies `probability`; by bisection, to float64's end. */
export function betaQuantile(probability: number): number {
  if (probability > 0.5) return 1 - betaQuantile(1 - probability);
  let [low, high] = [0, 0.5];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (cumulative(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** x^a / B(a, a) * sum of (1 - a)_n x^n / (n! (a + n)): at x <= 0.5 sixty terms are float64's all. */
function cumulative(x: number): number {
  let sum = 0;
  let term = 1;
  for (let n = 0; n < 60; n++) {
    sum += term / (SHAPE + n);
    term *= ((1 - SHAPE + n) / (n + 1)) * x;
  }
  return (x ** SHAPE * sum) / COMPLETE;
}
