/** Runs the real command in a process of its own, as a person would. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';

export interface CliResult {
  readonly exitStatus: number;
  readonly stdout: string;
  readonly stderr: string;
}

const main = resolve(import.meta.dirname, '../main.ts');

export const runCli = (...args: string[]): Promise<CliResult> => runNode([], args);

function runNode(nodeOptions: readonly string[], args: readonly string[]): Promise<CliResult> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      [...nodeOptions, '--import', 'tsx', main, ...args],
      { maxBuffer: 1 << 28 },
      (error, stdout, stderr) => {
        const exitStatus = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        done({ exitStatus, stdout, stderr });
      },
    );
  });
}

/** The result of a command with --json that must succeed. */
export const runCliJson = <T>(...args: string[]): Promise<T> => runJson([], args);

/** As `runCliJson`, in a process that Node ends when its heap needs more than so many MB. */
export const runCliJsonInHeap = <T>(maxMegabytes: number, ...args: string[]): Promise<T> =>
  runJson([`--max-old-space-size=${maxMegabytes}`], args);

async function runJson<T>(nodeOptions: readonly string[], args: readonly string[]): Promise<T> {
  const { exitStatus, stdout, stderr } = await runNode(nodeOptions, [...args, '--json']);
  if (exitStatus !== 0) throw new Error(`vdmini ${args.join(' ')} ended with ${exitStatus}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** The error of a command that must fail: the last line of stderr, which is all that stderr ends with. */
export async function runCliError(
  ...args: string[]
): Promise<{ code: string; message: string; exitStatus: number; stdout: string }> {
  const { exitStatus, stdout, stderr } = await runCli(...args);
  if (exitStatus === 0) throw new Error(`vdmini ${args.join(' ')} did not fail`);
  const { error } = JSON.parse(stderr.trimEnd().split('\n').at(-1)!) as { error: { code: string; message: string } };
  return { ...error, exitStatus, stdout };
}
