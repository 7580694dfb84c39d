/** How far a generation is, on stderr, in one line that rewrites itself; silent where stderr is no terminal. */
import type { SampleProgress } from '../studio/sampleData';

export function showStep({ step, steps }: SampleProgress): void {
  if (process.stderr.isTTY) process.stderr.write(`\rstep ${step} of ${steps}${step === steps ? '\n' : ''}`);
}
