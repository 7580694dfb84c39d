/** `npm run fuzz`: opens damaged files and folders, and reports those that are neither read nor refused properly. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Finding, fuzz } from './fuzz';

const help = `Usage: npm run fuzz -- [--runs N] [--seed N] [--from N] [--exports SHARE] [--keep FOLDER]

  --runs N         files to open (default 1000)
  --seed N         another seed gives other files (default 1)
  --from N         number of the first run (default 0); with --runs 1 it repeats one
  --exports SHARE  part of the files that are damaged exports of real architectures, which take longer (default 0.2)
  --keep FOLDER    writes every file that makes trouble there
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      from: { type: 'string', default: '0' },
      exports: { type: 'string', default: '0.2' },
      keep: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return void process.stdout.write(help);
  const [runs, seed, firstRun] = [Number(values.runs), Number(values.seed), Number(values.from)];
  const onRun = (run: number, finding?: Finding): void => {
    if (finding) report(finding);
    const done = run - firstRun + 1;
    if (done % 500 === 0) process.stderr.write(`${done} of ${runs}\n`);
  };
  const report = ({ run, label, text, input }: Finding): void => {
    process.stdout.write(`run ${run} (${label}): ${text}\n\n`);
    if (values.keep === undefined) return;
    mkdirSync(values.keep, { recursive: true });
    const name = join(values.keep, `seed${seed}-run${run}`);
    if (input instanceof Uint8Array) writeFileSync(`${name}.onnx`, input);
    else writeFileSync(`${name}.json`, JSON.stringify(input));
  };
  const { outcomes, findings, slowestMs } = await fuzz({
    seed,
    firstRun,
    runs,
    exportShare: Number(values.exports),
    onRun,
  });
  for (const [key, count] of [...outcomes].sort((a, b) => b[1] - a[1]))
    process.stdout.write(`${String(count).padStart(8)}  ${key}\n`);
  process.stdout.write(
    `${runs} files (seed ${seed}), ${findings.length} defects, slowest ${slowestMs.toFixed(0)} ms\n`,
  );
  process.exitCode = findings.length > 0 ? 1 : 0;
}

await main();
