/** An output that is there survives whatever happens to its successor; what a killed run leaves is told and removed. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StudioError } from '../errors/StudioError';
import { externalLocations } from '../onnx/externalLocations';
import { packModel } from '../onnx/packModel';
import { readModel } from '../onnx/readModel';
import { writeModel } from '../onnx/writeModel';
import { attentionModel } from '../studio/testing/attentionModel';
import { prune } from './commands/prune';
import { openStage } from './fileOutput';
import { temporaryFolder } from './testing/fixtureModel';
import { runCli, runCliError } from './testing/runCli';
import { writeModelFile } from './writeModelFile';

let folder: string;
let model: string;
let out: string;
const signal = new AbortController().signal;
const drop = (...args: string[]) => prune.run([model, '--out', out, '--json', ...args], signal);

beforeEach(async () => {
  folder = await temporaryFolder();
  model = join(folder, 'model.onnx');
  out = join(folder, 'out.onnx');
  await writeFile(model, writeModel(attentionModel()));
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

/** Every file of the folder but the model, with its bytes. */
async function contents(): Promise<Record<string, string>> {
  const isOutput = (name: string) => name !== 'model.onnx' && !name.startsWith('.');
  const names = (await readdir(folder)).filter(isOutput).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await readFile(join(folder, name))).toString('base64')])),
  );
}

const weightsOf = async (path: string) => externalLocations(readModel(await readFile(path)));

describe('an older output', () => {
  it.each([[[]], [['--external']]])('stays as it was when the check of its successor fails (%j)', async (layout) => {
    await drop('--drop', 'blocks.0', ...layout);
    const before = await contents();
    const student = readModel(await readFile(model));
    const failing = writeModelFile(student, {
      from: model,
      out,
      external: layout.length > 0,
      signal,
      check: () => Promise.reject(new StudioError('engine/verification-failed', 'no')),
    });
    await expect(failing).rejects.toMatchObject({ code: 'engine/verification-failed' });
    expect(await contents()).toEqual(before);
  });

  it('is replaced with its weights by one rename: no name ever bears weights of another graph', async () => {
    await drop('--drop', 'blocks.0', '--external');
    expect(await weightsOf(out)).toEqual(['out.onnx.data']);
    const old = (await contents())['out.onnx.data'];
    let seen: unknown;
    const student = readModel(await readFile(model));
    await writeModelFile(student, {
      from: model,
      out,
      external: true,
      signal,
      check: async () => void (seen = (await contents())['out.onnx.data']),
    });
    expect(seen).toBe(old);
    expect(await weightsOf(out)).toEqual(['out.onnx.2.data']);
    expect(Object.keys(await contents())).toEqual(['out.onnx', 'out.onnx.2.data']);
    await drop('--drop', 'blocks.0', '--external', '--verify');
    expect(Object.keys(await contents())).toEqual(['out.onnx', 'out.onnx.data']);
    await drop('--drop', 'blocks.0');
    expect(Object.keys(await contents())).toEqual(['out.onnx']);
  });

  it('keeps weights that the model which is read shares with it', async () => {
    const packed = await packModel(attentionModel(), new Map(), { kind: 'external', location: 'out.onnx.data' });
    const pieces: Uint8Array[] = [];
    await packed.writeData(async (chunk) => void pieces.push(chunk.slice()));
    await writeFile(join(folder, 'out.onnx.data'), Buffer.concat(pieces));
    for (const path of [model, out]) await writeFile(path, packed.modelBytes);
    await drop('--drop', 'blocks.0');
    expect(Object.keys(await contents())).toEqual(['out.onnx', 'out.onnx.data']);
  });
});

describe('a killed run', () => {
  const main = resolve(import.meta.dirname, 'main.ts');
  const start = () =>
    spawn(
      process.execPath,
      ['--import', 'tsx', main, 'prune', model, '--drop', 'blocks.0', '--external', '--verify', '--out', out],
      { stdio: 'ignore' },
    );
  const stages = async () => (await readdir(folder)).filter((name) => name.startsWith('.vdmini-partial-'));

  async function killWithStage(name: NodeJS.Signals): Promise<void> {
    const child = start();
    while ((await stages()).length === 0 && child.exitCode === null) await setTimeout(5);
    child.kill(name);
    await once(child, 'exit');
  }

  it('leaves the older output, and what else it left is told and removed by the next', async () => {
    await drop('--drop', 'blocks.3', '--external');
    const before = await contents();
    await killWithStage('SIGKILL');
    const left = await stages();
    expect(left).toHaveLength(1);
    for (const name of Object.keys(before))
      expect((await readFile(join(folder, name))).toString('base64')).toBe(before[name]);
    const { exitStatus, stderr } = await runCli('prune', model, '--drop', 'blocks.0', '--external', '--out', out);
    expect([exitStatus, stderr]).toEqual([0, expect.stringContaining(`Removed ${join(folder, left[0]!)}`)]);
    expect(Object.keys(await contents())).toEqual(['out.onnx', 'out.onnx.2.data']);
    expect(await stages()).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s leaves nothing of its own', async (name) => {
    await drop('--drop', 'blocks.3');
    const before = await contents();
    await killWithStage(name);
    expect(await contents()).toEqual(before);
    expect(await stages()).toEqual([]);
  });

  it('between its two renames leaves weights that the next one removes', async () => {
    const gone = spawn('true');
    await once(gone, 'exit');
    const stage = await openStage(out);
    const dead = join(folder, `.vdmini-partial-${gone.pid}-0@${hostname()}`);
    const weights = await stage.write('out.onnx.data', signal, (write) => write(new Uint8Array(9)));
    await stage.write('out.onnx', signal, (write) => write(new Uint8Array(9)));
    const { link, rename } = await import('node:fs/promises');
    await link(weights.temporaryPath, weights.path);
    await rename(stage.folder, dead);
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await (await openStage(out)).discard();
    expect(Object.keys(await contents())).toEqual([]);
  });

  it('after its last rename leaves the weights of what it replaced, which the next one removes', async () => {
    const gone = spawn('true');
    await once(gone, 'exit');
    await drop('--drop', 'blocks.0', '--external');
    for (const name of ['out.onnx.2.data', 'other.bin', 'far.data']) await writeFile(join(folder, name), 'old');
    const dead = join(folder, `.vdmini-partial-${gone.pid}-0@${hostname()}`);
    await mkdir(dead);
    await writeFile(join(dead, '.obsolete'), 'out.onnx.2.data\nother.bin\n../far.data');
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await (await openStage(out)).discard();
    expect(Object.keys(await contents())).toEqual(['far.data', 'other.bin', 'out.onnx', 'out.onnx.data']);
    expect(await stages()).toEqual([]);
  });

  it('is told of what it replaces before the new file has its name', async () => {
    await drop('--drop', 'blocks.0', '--external');
    const stage = await openStage(out);
    const pending = await stage.write('out.onnx', signal, (write) => write(new Uint8Array(9)));
    await rm(join(stage.folder, 'out.onnx')); // its rename fails then
    await expect(stage.commit([pending], [join(folder, 'out.onnx.data')])).rejects.toMatchObject({});
    expect(await readFile(join(stage.folder, '.obsolete'), 'utf8')).toBe('out.onnx.data');
    expect(Object.keys(await contents())).toEqual(['out.onnx', 'out.onnx.data']);
    await stage.discard();
  });

  it('of another machine, or one that still writes, is left alone', async () => {
    const others = ['.vdmini-partial-1-0@elsewhere.example', `.vdmini-partial-${process.ppid}-0@${hostname()}`];
    for (const name of others) await mkdir(join(folder, name));
    await (await openStage(out)).discard();
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual(others.sort());
  });
});

describe('what the system refuses', () => {
  it('is told by its kind: no room', async () => {
    await drop('--drop', 'blocks.3');
    const before = await contents();
    const command = `ulimit -f 4; exec "${process.execPath}" --import tsx "${resolve(import.meta.dirname, 'main.ts')}" prune "${model}" --drop blocks.0 --out "${out}"`;
    const stderr = await new Promise<string>((done) =>
      execFile('bash', ['-c', command], (_error, _stdout, text) => done(text)),
    );
    expect(JSON.parse(stderr.trim().split('\n').at(-1)!)).toMatchObject({ error: { code: 'library/quota' } });
    expect(await contents()).toEqual(before);
  });

  it.each([
    ['ENOSPC', 'library/quota'],
    ['EDQUOT', 'library/quota'],
    ['EACCES', 'library/write-refused'],
    ['EROFS', 'library/write-refused'],
    ['EIO', 'library/write-failed'],
    ['ENAMETOOLONG', 'library/write-failed'],
  ])('is told by its kind: %s', async (system, code) => {
    const { writeError } = await import('../library/fileErrors');
    expect(writeError(Object.assign(new Error(system), { code: system, syscall: 'write' }), out)).toMatchObject({
      code,
    });
    const other = new Error('a defect');
    expect(writeError(other, out)).toBe(other);
  });

  it('is no matter of long names: one that fills what the file system allows is written', async () => {
    out = join(folder, `${'n'.repeat(250)}.onnx`);
    await drop('--drop', 'blocks.0');
    out = join(folder, `${'n'.repeat(251)}.onnx`);
    await expect(drop('--drop', 'blocks.0')).rejects.toMatchObject({ code: 'library/write-failed' });
  });

  it('weights through a link that leaves the folder are not read; one that stays in it is followed', async () => {
    const outside = await temporaryFolder();
    const inner = join(folder, 'inner');
    await mkdir(inner);
    const packed = await packModel(attentionModel(), new Map(), { kind: 'external', location: 'weights.bin' });
    const pieces: Uint8Array[] = [];
    await packed.writeData(async (chunk) => void pieces.push(chunk.slice()));
    await writeFile(join(inner, 'model.onnx'), packed.modelBytes);
    for (const [target, code] of [
      [join(outside, 'real.bin'), 'onnx/unsafe-location'],
      [join(inner, 'real.bin'), undefined],
    ] as const) {
      await writeFile(target, Buffer.concat(pieces));
      await rm(join(inner, 'weights.bin'), { force: true });
      await symlink(target, join(inner, 'weights.bin'));
      const run = prune.run([join(inner, 'model.onnx'), '--drop', 'blocks.0', '--out', out, '--json'], signal);
      if (code) await expect(run).rejects.toMatchObject({ code });
      else await run;
    }
    await rm(outside, { recursive: true });
  });

  it('a file that may not be read is told as that', async () => {
    const error = await runCliError('prune', folder.concat('/absent.onnx'), '--drop', 'x', '--out', out);
    expect(error.code).toBe('library/missing-file');
    const { readError } = await import('../library/fileErrors');
    expect(readError(Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'open' }), model)).toMatchObject({
      code: 'library/read-failed',
    });
  });
});
