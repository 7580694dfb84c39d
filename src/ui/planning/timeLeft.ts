/** What is left of a job whose parts take about the same time: ', about 3 min left'; '' before the first part. */
export function timeLeft(done: number, of: number, elapsedMs: number): string {
  if (done === 0 || done >= of) return '';
  const seconds = ((elapsedMs / done) * (of - done)) / 1000;
  return seconds < 90
    ? `, about ${Math.max(1, Math.round(seconds))} s left`
    : `, about ${Math.round(seconds / 60)} min left`;
}
