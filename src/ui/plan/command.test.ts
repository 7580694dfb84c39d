import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { commandFor } from './command';

const folder = { kind: 'url', url: 'http://localhost/models/emoji-t2v/', name: 'emoji-t2v' } as const;
const settings = { prompt: `it's a "$HOME" \`x\` panda`, seed: 7, steps: 4, guidance: 2.5 };

/** The words that a shell makes of it. */
const words = (command: string): string[] =>
  execFileSync('sh', ['-c', `for word in ${command}; do printf '%s\\n' "$word"; done`], { encoding: 'utf8' })
    .trimEnd()
    .split('\n');

describe('copy as command', () => {
  it('gives the comparison on screen, safe for a shell', () => {
    expect(words(commandFor({ folder, settings, dropped: ['mid_block', 'up_blocks.1.pairs.2'] }))).toEqual([
      ...['npm', 'run', '--silent', 'vdmini', '--', 'compare', 'public/models/emoji-t2v', '--prompt', settings.prompt],
      ...['--seed', '7', '--steps', '4', '--guidance', '2.5'],
      ...['--drop', 'mid_block,up_blocks.1.pairs.2', '--json'],
    ]);
  });

  it('generates while nothing is dropped, and names a folder of the person', () => {
    const own = { kind: 'files', name: 'my model', files: [] } as const;
    const given = words(commandFor({ folder: own, settings, dropped: [] }));
    expect(given.slice(5, 7)).toEqual(['generate', 'my model']);
    expect(given.slice(-2)).toEqual(['--out', 'clip.gif']);
  });
});
