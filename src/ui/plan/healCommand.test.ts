import { describe, expect, it } from 'vitest';
import { heal } from '../../cli/commands/heal';
import { defaultHealSettings } from '../../worker/protocol';
import { healCommand } from './healCommand';

const folder = { kind: 'url', url: 'http://localhost/models/emoji-t2v/', name: 'emoji-t2v' } as const;
const defaults = { steps: 4, guidance: 1 };
const usual = { ...defaultHealSettings, prompts: ['a'], samplingSteps: 4, guidance: 1 };

describe('healing as a command', () => {
  it('says what is not as usual, and nothing else', () => {
    expect(healCommand({ folder, dropped: ['mid_block'], settings: { ...usual, steps: 30 }, defaults })).toBe(
      'npm run --silent vdmini -- heal public/models/emoji-t2v --drop mid_block --steps 30 --out healed',
    );
  });

  it('lets the rate be found', () => {
    const { learningRate: _, ...settings } = usual;
    expect(healCommand({ folder, dropped: ['a'], settings, defaults })).toContain('--rate test');
  });

  it('says the size where one was asked for, and keeps ids with a comma whole', () => {
    const size = { frames: 3, height: 8, width: 16 };
    const command = healCommand({ folder, dropped: ['a,b', 'c'], settings: usual, defaults, size });
    expect(command).toContain(`heal public/models/emoji-t2v --drop '"a,b",c' --latent-size 3x8x16 --steps`);
    expect(heal.help).toContain('--latent-size');
  });

  it('has only options that the command line knows', () => {
    const settings = {
      ...usual,
      minutes: 2,
      batch: 2,
      learningRate: 0.5,
      stages: ['local', 'end'] as const,
      icdWeight: 0.2,
      icdNormalised: true,
      mcaWeight: 1,
      highNoise: 3,
      train: 'conv_.*',
      clips: 7,
      samplingSteps: 9,
      guidance: 2.5,
      seed: 8,
    };
    const command = healCommand({ folder, dropped: ['a', 'b'], settings, defaults });
    const options = command.match(/--[a-z-]{2,}/g)!.filter((option) => option !== '--silent');
    expect(options).toHaveLength(15);
    for (const option of options) expect(heal.help, option).toContain(option);
    expect(command).toContain("--train 'conv_.*'");
  });
});
