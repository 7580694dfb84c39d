/** The folders in which files are written before they get their names, and what killed runs leave of them. */
import { link, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';

const PREFIX = '.vdmini-partial-';

let count = 0;

/** Hidden, short (a name may fill what the file system allows), and of this process alone. */
export const stageName = (): string => `${PREFIX}${process.pid}-${count++}@${hostname()}`;

/**
 * Removes what runs that are no more left in this folder, and says so on stderr. Those of other machines, which may
 * share the folder, are left alone.
 */
export async function clearLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, pid, host] = /^\.vdmini-partial-(\d+)-\d+@(.*)$/.exec(name) ?? [];
    if (pid === undefined || host !== hostname() || Number(pid) === process.pid || isRunning(Number(pid))) continue;
    const stage = join(folder, name);
    await removeUncommitted(stage, folder);
    await rm(stage, { recursive: true, force: true });
    process.stderr.write(`Removed ${stage}, which a run left that was killed.\n`);
  }
}

/** In a stage: the names of files that nothing reads once its last file has its name. */
const OBSOLETE = '.obsolete';

/** So that whoever finds the stage after a kill can remove them too. */
export async function noteObsolete(stage: string, names: readonly string[]): Promise<void> {
  if (names.length > 0) await writeFile(join(stage, OBSOLETE), names.join('\n'));
}

/**
 * With the file that decides still in the stage, the others must not keep their names; with that one gone, what it
 * replaced must go as well.
 */
async function removeUncommitted(stage: string, folder: string): Promise<void> {
  const names = await readdir(stage);
  if (!names.some((name) => name !== OBSOLETE && !name.endsWith('.data'))) {
    const obsolete = names.includes(OBSOLETE) ? (await readFile(join(stage, OBSOLETE), 'utf8')).split('\n') : [];
    const own = obsolete.filter((name) => name === basename(name) && name.endsWith('.data'));
    for (const name of own) await rm(join(folder, name), { force: true });
    return;
  }
  for (const name of names) {
    const [staged, placed] = await Promise.all(
      [join(stage, name), join(folder, name)].map((path) => stat(path).catch(() => undefined)),
    );
    if (staged && placed && staged.dev === placed.dev && staged.ino === placed.ino) await rm(join(folder, name));
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'; // of another person
  }
}

const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV'];

/** A second name for the file, by which `clearLeftovers` knows it again; its only one where the file system has no links. */
export async function linkOrMove(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (thrown) {
    if (!NO_LINKS.includes((thrown as NodeJS.ErrnoException).code ?? '')) throw thrown;
    await rename(from, to);
  }
}
