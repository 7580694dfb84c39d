import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPlanFile } from '../../blocks/planText';
import { askedSize, commandFor, commandsFor } from './command';

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

  it('says the size where one was asked for, as the command line would take another', () => {
    const latent = { channels: 4, frames: 3, height: 8, width: 16 };
    expect(askedSize({}, latent)).toBeUndefined();
    const size = askedSize({ frames: 3 }, latent);
    const students = ['A', 'B'].map((name) => ({ name, dropped: ['x'], isHealed: false }));
    const lines = [
      commandFor({ folder, settings, dropped: [], size }),
      commandFor({ folder, settings, dropped: ['x'], size }),
      ...commandsFor({ folder, settings, students: students.slice(0, 1), size }),
      ...commandsFor({ folder, settings, students, size }).slice(2),
    ];
    expect(lines).toHaveLength(6);
    for (const line of lines) expect(words(line).join(' ')).toContain('--latent-size 3x8x16');
  });

  it('begins with the picture: the model’s own where it lies in a clone, any other by its file’s name', () => {
    const i2v = { ...folder, url: 'http://localhost/models/emoji-i2v/', name: 'emoji-i2v' } as const;
    const pixels = { key: 'k', width: 1, height: 1, pixels: new Uint8ClampedArray(4) };
    const endOf = (name?: string) =>
      words(
        commandFor({
          folder: i2v,
          settings: { ...settings, image: { ...pixels, ...(name ? { name } : {}) } },
          dropped: ['x'],
        }),
      ).slice(-5);
    expect(endOf('pictures/rocket.png')).toEqual([
      '--image',
      'public/models/emoji-i2v/pictures/rocket.png',
      '--drop',
      'x',
      '--json',
    ]);
    expect(endOf("it's me.jpg")[1]).toBe("it's me.jpg");
    expect(endOf()[1]).toBe('picture.png');
  });

  it('writes a plan file for each of two students, and says whose weights are in none', () => {
    const students = [
      { name: 'A', dropped: ['mid_block', "it's"], isHealed: false },
      { name: 'second\none', dropped: ['up_blocks.1'], isHealed: true },
    ];
    const lines = commandsFor({ folder, settings, students });
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/^# second one: healed/);
    const at = mkdtempSync(join(tmpdir(), 'commands-'));
    try {
      execFileSync('sh', ['-c', lines.slice(0, 3).join('\n')], { cwd: at });
      const written = ['student-a.json', 'student-b.json'].map((file) =>
        readPlanFile(readFileSync(join(at, file), 'utf8'), file),
      );
      expect(written.map(({ dropped }) => dropped)).toEqual(students.map(({ dropped }) => dropped));
    } finally {
      rmSync(at, { recursive: true });
    }
    expect(words(lines[3] ?? '').slice(5)).toEqual([
      ...['compare', 'public/models/emoji-t2v', '--prompt', settings.prompt, '--seed', '7', '--steps', '4'],
      ...['--guidance', '2.5', '--plan', 'student-a.json', '--plan', 'student-b.json', '--json'],
    ]);
    expect(words(lines[4] ?? '').slice(-2)).toEqual(['--out', 'report.html']);
  });
});
