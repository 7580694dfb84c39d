/** Runs of the fuzzer, one file each. */
import { caseMaker, type FuzzInput } from './caseMaker';
import { FileOpener } from './FileOpener';

export interface FuzzOptions {
  readonly seed: number;
  readonly firstRun: number;
  readonly runs: number;
  /** Part of the runs that damage an export. */
  readonly exportShare: number;
  /** Processor time that one file may take (default 1,000). */
  readonly limitMs?: number;
  readonly onRun?: (run: number, finding?: Finding) => void;
}

export interface Finding {
  readonly run: number;
  readonly label: string;
  readonly text: string;
  readonly input: FuzzInput;
}

export interface FuzzResult {
  /** Error code, or `fine`, or `defect` -> how many files came to that. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
  /** The most processor time that one file took. */
  readonly slowestMs: number;
}

export async function fuzz({ seed, firstRun, runs, exportShare, limitMs, onRun }: FuzzOptions): Promise<FuzzResult> {
  const makeCase = caseMaker(seed, exportShare);
  const opener = new FileOpener(limitMs);
  const outcomes = new Map<string, number>();
  const findings: Finding[] = [];
  let slowestMs = 0;
  try {
    for (let run = firstRun; run < firstRun + runs; run++) {
      const { label, input } = makeCase(run);
      const { outcome, processorMs } = await opener.open(input);
      slowestMs = Math.max(slowestMs, processorMs);
      const key = outcome.kind === 'refused' ? outcome.code : outcome.kind;
      outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
      const finding = outcome.kind === 'defect' ? { run, label, text: outcome.text, input } : undefined;
      if (finding) findings.push(finding);
      onRun?.(run, finding);
    }
  } finally {
    opener.close();
  }
  return { outcomes, findings, slowestMs };
}
