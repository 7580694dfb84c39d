/** A short run of the fuzzer (`npm run fuzz` for a long one), and that it would notice. */
import { describe, expect, it } from 'vitest';
import { wholeModel } from '../../wire/testing/malformedModels';
import { caseMaker } from './caseMaker';
import { FileOpener } from './FileOpener';
import { fuzz } from './fuzz';

describe('damaged files', () => {
  it('are read or refused, in time', async () => {
    // A machine shared with other tests takes longer for the same work; npm run fuzz holds files to one second.
    const limitMs = 5000;
    const { findings, outcomes } = await fuzz({ seed: 20, firstRun: 0, runs: 300, exportShare: 0.05, limitMs });
    expect(findings.map(({ run, label, text }) => `run ${run} (${label}): ${text}`)).toEqual([]);
    expect(outcomes.size).toBeGreaterThan(5); // some get far, some do not
    expect(outcomes.get('fine')).toBeGreaterThan(20);
  });

  it('are of every kind', () => {
    const makeCase = caseMaker(20, 0);
    const labels = Array.from({ length: 200 }, (_, run) => makeCase(run).label).join('\n');
    for (const kind of ['graph of', 'fields of', 'bytes of', 'tokenizer.json', 'scheduler_config.json', 'config.json'])
      expect(labels).toContain(kind);
  });

  it('are the same for the same seed', () => {
    const [a, b] = [caseMaker(3, 0), caseMaker(3, 0)];
    for (let run = 0; run < 20; run++) expect(a(run)).toEqual(b(run));
  });

  it('are opened in a process of their own', async () => {
    const opener = new FileOpener();
    expect((await opener.open(new Uint8Array(3))).outcome).toEqual({ kind: 'refused', code: 'onnx/not-onnx' });
    expect((await opener.open(wholeModel)).outcome).toMatchObject({ kind: 'refused', code: 'blocks/no-latent-input' });
    opener.close();
  });
});
