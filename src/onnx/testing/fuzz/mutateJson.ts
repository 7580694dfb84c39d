/** Damage to the JSON files of a pipeline: values of other types, absurd numbers, keys that are gone, nesting without end. */
import type { Random } from './random';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const values: readonly Json[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  77,
  65_537,
  1e9,
  2 ** 31,
  2 ** 53,
  1e30,
  1e308,
  -1e30,
  '',
  'x',
  '../x',
  '__proto__',
  'constructor',
  'a'.repeat(20_000),
  '(a+)+$',
  '(',
  '\\p{L}*\\p{L}*\\p{L}*x',
  '\ud800',
  [],
  [null],
  [[]],
  {},
  { type: 'Sequence' },
  { Regex: '(.*)*x' },
  { content: null },
  'NaN',
];

/** Characters; a file of hundreds of megabytes takes its time whatever is in it. */
const largestText = 1e6;

const textLength = (value: unknown): number => (JSON.stringify(value) ?? 'null').length;

/** A changed copy of a parsed JSON value: one to five places. */
export function mutateJson(value: unknown, random: Random): unknown {
  const changed = structuredClone(value);
  for (let count = 1 + random.index(5); count > 0; count--) mutate(changed, changed, random);
  return changed;
}

function mutate(root: unknown, start: unknown, random: Random): void {
  let at = start as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(at);
    if (keys.length === 0) return void (at['x'] = random.pick(values));
    const key = random.pick(keys);
    const inner = at[key];
    if (typeof inner === 'object' && inner !== null && random.chance(0.8)) {
      at = inner as Record<string, unknown>;
      continue;
    }
    return change(at, key, root, random);
  }
}

function change(at: Record<string, unknown>, key: string, root: unknown, random: Random): void {
  switch (random.index(8)) {
    case 0:
      return void delete at[key];
    case 1:
      at[`${key}_`] = at[key];
      return void delete at[key];
    case 2:
      return void (at[key] = structuredClone(elsewhere(root, random)));
    case 3:
      return void (at[key] = nested(at[key], random.pick([3, 50, 2000])));
    case 4: {
      const length = Math.min(random.pick([0, 2, 5000]), Math.floor(largestText / textLength(at[key])));
      return void (at[key] = Array.from({ length }, () => at[key]));
    }
    case 5:
      return void (at[key] = typeof at[key] === 'number' ? -at[key] * 1e6 : String(at[key]));
    default:
      at[key] = random.pick(values);
  }
}

/** A value from somewhere in it. */
function elsewhere(root: unknown, random: Random): unknown {
  let at = root;
  while (typeof at === 'object' && at !== null && Object.keys(at).length > 0 && !random.chance(0.2))
    at = random.pick(Object.values(at));
  return at === root ? null : at;
}

function nested(value: unknown, depth: number): unknown {
  let around = value;
  for (let level = 0; level < depth; level++) around = level % 2 ? [around] : { type: 'Sequence', normalizers: around };
  return around;
}
