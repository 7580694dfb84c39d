/** `vdmini report`, as a process: one whole file with clips and importance, from any denoiser; errors before work. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { report } from './commands/report';
import { temporaryFolder, unpackExport } from './testing/fixtureModel';
import { runCli, runCliJson } from './testing/runCli';

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  model = await unpackExport('latte/legacy/fixed', folder);
});
afterAll(() => rm(folder, { recursive: true }));

const cheap = ['--steps', '1', '--guidance', '1'];

describe('vdmini report', () => {
  it('writes clips, figures, plan and importance into one file', async () => {
    const [out, importance, plan] = ['r.html', 'i.json', 'a.json'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const analyzed = await runCli('analyze', model, '--units', 'stages', '--out', importance, ...cheap);
    expect(analyzed.exitStatus).toBe(0);
    const id = (JSON.parse(await readFile(importance, 'utf8')) as { units: { id: string }[] }).units[0]!.id;
    await writeFile(plan, JSON.stringify({ dropped: [id] }));
    const told = await runCliJson<{ bytes: number; clips: number; denoiserRuns: number }>(
      ...['report', model, '--plan', plan, '--importance', importance, '--out', out, '--seeds', '2', ...cheap],
    );
    expect(told).toMatchObject({ clips: 2, denoiserRuns: 4 });
    const text = await readFile(out, 'utf8');
    expect(told.bytes).toBe(Buffer.byteLength(text));
    expect(told.bytes).toBeLessThan(5e6);
    // two scenes of two clips, each as it moves and as a strip
    expect(text.match(/<img src="data:image\/gif;base64,R0lGOD/g)).toHaveLength(8);
    for (const part of [id, 'ColorVideoVDP', 'Importance', 'vdmini report', 'Node.js', '95 % of the mean'])
      expect(text).toContain(part);
    expect(text).not.toMatch(/https?:|<script/);
  }, 120_000);

  it('refuses what it cannot do before anything runs, and writes nothing', async () => {
    const bad = join(folder, 'bad.json');
    await writeFile(bad, '{"units": [{"id": 3}]}');
    const before = await readdir(folder);
    const out = join(folder, 'never.html');
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['cli/usage', [model]],
      ['cli/usage', [model, '--out', out]],
      ['cli/usage', [model, '--out', join(folder, 'absent', 'x.html')]],
      ['cli/usage', [model, '--out', out, '--display', 'television']],
      ['library/invalid-config', [model, '--out', out, '--importance', bad]],
      ['library/missing-file', [model, '--out', out, '--importance', join(folder, 'absent.json')]],
    ];
    for (const [code, args] of cases)
      await expect(report.run(args, new AbortController().signal), args.join(' ')).rejects.toMatchObject({ code });
    expect(await readdir(folder)).toEqual(before);
  }, 120_000);
});
