/**
 * A regular expression of a tokenizer as a tree, as far as its cost needs it: what each place takes, alternatives, and
 * repetitions. It takes JavaScript's spelling and what of Oniguruma's occurs; it does not say whether a pattern is right.
 */
import { present } from '../errors/present';

export interface PatternAtom {
  readonly kind: 'atom';
  /** One character, escape or class, as written. */
  readonly text: string;
}

export interface PatternGroup {
  readonly kind: 'group';
  /** `around`: a look-ahead or look-behind, which takes nothing. */
  readonly around: boolean;
  readonly alternatives: readonly (readonly PatternPart[])[];
}

export interface PatternPart {
  readonly item: PatternAtom | PatternGroup;
  readonly least: number;
  /** Infinity for `*` and `+`. */
  readonly most: number;
}

const ESCAPE = /\\(?:[pPux]\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|k<[^>]*>|[\s\S])/y;
const CLASS = /\[\^?\]?(?:\\[\s\S]|\[:[^\]]*:\]|[^\]\\])*\]/y;
const GROUP_START = /\((?:\?(?:<?[=!]|:|>|<[^>]*>|[a-zA-Z-]*:))?/y;
const QUANTIFIER = /(?:([*+?])|\{(\d*)(,?)(\d*)\})[?+]?/y;
const CHARACTER = /[\s\S]/uy;
const NOTHING = /\^|\$|\\[bBAzZG]/y;

/** The longest published pattern has a few hundred. */
const MOST_CHARACTERS = 10_000;

/** Undefined where it is not understood: unbalanced, or long or nested beyond any sense. */
export function parsePattern(source: string): PatternGroup | undefined {
  if (source.length > MOST_CHARACTERS) return undefined;
  const open: { around: boolean; alternatives: PatternPart[][] }[] = [{ around: false, alternatives: [[]] }];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(source) ?? undefined;
    if (found) at += found[0].length;
    return found;
  };
  const add = (item: PatternPart['item']): void => {
    present(present(open.at(-1)).alternatives.at(-1)).push({ item, ...repetition(take(QUANTIFIER)) });
  };
  while (at < source.length) {
    const start = present(source[at]);
    if (start === '|') {
      at++;
      present(open.at(-1)).alternatives.push([]);
    } else if (start === ')') {
      at++;
      const closed = present(open.pop());
      if (open.length === 0) return undefined;
      add({ kind: 'group', ...closed });
    } else if (start === '(') {
      const text = present(take(GROUP_START))[0];
      if (open.length > 50) return undefined;
      open.push({ around: /[=!]$/.test(text), alternatives: [[]] });
    } else if (!take(NOTHING)) {
      add({ kind: 'atom', text: (take(ESCAPE) ?? take(CLASS) ?? present(take(CHARACTER)))[0] });
    }
  }
  return open.length === 1 ? { kind: 'group', ...present(open[0]) } : undefined;
}

function repetition(found: RegExpExecArray | undefined): { readonly least: number; readonly most: number } {
  if (!found) return { least: 1, most: 1 };
  const [, sign, low = '', comma, high = ''] = found;
  if (sign === '*') return { least: 0, most: Infinity };
  if (sign === '+') return { least: 1, most: Infinity };
  if (sign === '?') return { least: 0, most: 1 };
  const least = Number(low);
  return { least, most: comma === '' ? least : high === '' ? Infinity : Number(high) };
}
