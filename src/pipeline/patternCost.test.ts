/** Patterns of published tokenizers run; those whose time explodes are told, and are shown to explode. */
import { describe, expect, it } from 'vitest';
import { costlyPattern } from './patternCost';

const published = {
  CLIP: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
  'T5 and Gemma': ' {2,}',
  'GPT-2': "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  'Llama 3 and Qwen':
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  'GPT-4o':
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  DeepSeek:
    '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
  BLOOM: ' ?[^(\\s|[.,!?…。，、।۔،])]+'.slice(2),
  'groups of digits': '(?=(\\d{3})+(?!\\d))',
  'line ends': '(?:\\r?\\n)+',
};

/** Pattern, and a text by length on which JavaScript's matcher takes exponential time. */
const exponential: readonly (readonly [string, (length: number) => string])[] = [
  ['(a+)+$', (n) => `${'a'.repeat(n)}!`],
  ['(a|a)*b', (n) => 'a'.repeat(n)],
  ['(a*)*b', (n) => 'a'.repeat(n)],
  ['(a?a)*b', (n) => 'a'.repeat(n)],
  ['(\\w+\\s?)*$', (n) => `${'a'.repeat(n)}!`],
  ['([a-zA-Z]+)*1', (n) => 'a'.repeat(n)],
  ['(?=(a+)+b)', (n) => 'a'.repeat(n)],
  ['(?:a|b|ab)*c', (n) => 'ab'.repeat(n / 2)],
  ['((a{1,2}){2,})+b', (n) => 'a'.repeat(n)],
];

function milliseconds(pattern: string, text: string): number {
  const expression = new RegExp(pattern, 'u');
  let least = Infinity;
  for (let run = 0; run < 3; run++) {
    const start = performance.now();
    expression.test(text);
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

describe('patterns of tokenizers', () => {
  it.each(Object.entries(published))('of %s are run', (_, pattern) => {
    expect(costlyPattern(pattern)).toBeUndefined();
  });

  it.each(exponential)('whose time doubles are not: %s', (pattern, text) => {
    expect(costlyPattern(pattern)).toMatch(/double/);
    // and it is true: of sixteen letters, four more cost the matcher several times as much
    expect(milliseconds(pattern, text(16))).toBeGreaterThan(2 * milliseconds(pattern, text(12)));
  });

  it.each(['\\s*\\s*\\s*\\s*x', '.*.*.*=', '\\w*\\d*\\w*-'])('of a high power are not: %s', (pattern) => {
    expect(costlyPattern(pattern)).toMatch(/power/);
  });

  it('are looked at in little time, however large', () => {
    for (const pattern of [
      'a'.repeat(10_000),
      '[^b]*'.repeat(190),
      `${'('.repeat(49)}a${')*'.repeat(49)}`,
      '('.repeat(1e5),
    ])
      expect(costlyPattern(pattern), pattern.slice(0, 20)).toBeDefined();
  });
});
