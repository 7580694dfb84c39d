/**
 * How a backtracking matcher's time grows with the text, for a regular expression that came with a model: one that can
 * take exponential time, or a high power, must not be run. The pattern becomes an automaton of its places (Glushkov's);
 * time is exponential where two ways through the same text lead from a place back to it (Weideman et al., "Analyzing
 * matching time behavior of backtracking regular expression matchers", 2016).
 */
import { present } from '../errors/present';
import { type PatternGroup, type PatternPart, parsePattern } from './patternTree';

/** A place of the pattern that takes one character; followers with how many ways lead there. */
interface Place {
  readonly takes: bigint;
  readonly next: Map<number, number>;
}

interface Piece {
  readonly first: ReadonlyMap<number, number>;
  readonly last: readonly number[];
  readonly nullable: boolean;
}

const MOST_PLACES = 200;
/** Repetitions beyond this count as endless. */
const COUNTED = 8;
/** Loops after each other that take the same text: more is more than the cube of its length. Published patterns have two. */
const MOST_LOOPS = 2;

/** What characters stand for: all of ASCII, and one of each kind beyond it. */
const SAMPLES = [
  ...Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)),
  ...'éßЖ中あǅʰªﬁ²Ⅷ١\u0301\u00a0\u2028\u200d🙂→€«',
];

/** BLOOM's, which no grammar takes as it stands; the tokenizers' library knows it. */
const BLOOM = '[^(\\s|[.,!?…。，、।۔،])]+';

/** A sentence on why a pattern must not be run; undefined where its time is bounded by a small power. */
export function costlyPattern(source: string): string | undefined {
  if (source === BLOOM) return undefined;
  const tree = parsePattern(source);
  if (!tree) return 'it is not understood';
  for (const part of [tree, ...lookarounds(tree)]) {
    const places = automaton(part);
    if (!places) return `it has more than ${MOST_PLACES} places`;
    const loops = components(places.map(({ next }) => [...next.keys()]));
    if (isExponential(places, loops)) return 'its time can double with every character';
    if (loopsInARow(places, loops) > MOST_LOOPS) return 'its time can grow with a high power of the length';
  }
  return undefined;
}

/** Matched apart from what is around them. */
function lookarounds(group: PatternGroup): PatternGroup[] {
  return group.alternatives.flat().flatMap(({ item }) => {
    if (item.kind === 'atom') return [];
    return item.around ? [{ ...item, around: false }, ...lookarounds(item)] : lookarounds(item);
  });
}

const EMPTY: Piece = { first: new Map(), last: [], nullable: true };

function automaton(group: PatternGroup): readonly Place[] | undefined {
  const places: Place[] = [];
  const link = (from: readonly number[], to: ReadonlyMap<number, number>): void => {
    for (const place of from)
      for (const [next, ways] of to)
        present(places[place]).next.set(next, (present(places[place]).next.get(next) ?? 0) + ways);
  };
  const join = (a: Piece, b: Piece): Piece => {
    link(a.last, b.first);
    return {
      first: a.nullable ? sum(a.first, b.first) : a.first,
      last: b.nullable ? [...a.last, ...b.last] : b.last,
      nullable: a.nullable && b.nullable,
    };
  };
  const once = (item: PatternPart['item']): Piece => {
    if (item.kind === 'atom') {
      if (places.length >= MOST_PLACES) throw new RangeError();
      places.push({ takes: charactersOf(item.text), next: new Map() });
      return { first: new Map([[places.length - 1, 1]]), last: [places.length - 1], nullable: false };
    }
    if (item.around) return EMPTY;
    const pieces = item.alternatives.map((parts) => parts.map(repeated).reduce(join, EMPTY));
    return {
      first: pieces.map(({ first }) => first).reduce(sum),
      last: pieces.flatMap(({ last }) => last),
      nullable: pieces.some(({ nullable }) => nullable),
    };
  };
  const repeated = ({ item, least, most }: PatternPart): Piece => {
    if (most === 0) return EMPTY;
    const endless = most > COUNTED;
    const copies = Math.max(1, Math.min(endless ? least : most, COUNTED));
    let whole = EMPTY;
    for (let copy = 0; copy < copies; copy++) {
      const piece = once(item);
      if (endless && copy === copies - 1) link(piece.last, piece.first);
      whole = join(whole, copy >= least ? { ...piece, nullable: true } : piece);
    }
    return whole;
  };
  try {
    once(group);
    return places;
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
}

function sum(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
  const both = new Map(a);
  for (const [place, ways] of b) both.set(place, (both.get(place) ?? 0) + ways);
  return both;
}

/** One bit a sample; every bit for what JavaScript does not compile alone. */
function charactersOf(text: string): bigint {
  const all = (1n << BigInt(SAMPLES.length)) - 1n;
  try {
    const one = new RegExp(`^(?:${text === '/' ? '\\/' : text})$`, 'ius');
    return SAMPLES.reduce((bits, sample, i) => (one.test(sample) ? bits | (1n << BigInt(i)) : bits), 0n) || all;
  } catch {
    return all;
  }
}

/** Two ways from a place back to it that take the same text. */
function isExponential(places: readonly Place[], loops: readonly number[]): boolean {
  for (const [from, { next }] of places.entries())
    for (const [to, ways] of next)
      if (ways > 1 && loops[from] === loops[to] && inLoop(places, loops, from)) return true;
  const pairs = new Map<number, number>();
  const edges: number[][] = [];
  const found: (readonly [number, number])[] = [];
  const idOf = (a: number, b: number): number => {
    const key = a * places.length + b;
    const known = pairs.get(key);
    if (known !== undefined) return known;
    pairs.set(key, found.length);
    found.push([a, b]);
    edges.push([]);
    return found.length - 1;
  };
  for (const [place] of places.entries()) if (inLoop(places, loops, place)) idOf(place, place);
  for (let id = 0; id < found.length; id++) {
    const [a, b] = present(found[id]);
    for (const left of present(places[a]).next.keys()) {
      if (loops[left] !== loops[a]) continue; // what leaves its loop does not come back
      for (const right of present(places[b]).next.keys())
        if (loops[right] === loops[b] && (present(places[left]).takes & present(places[right]).takes) !== 0n)
          present(edges[id]).push(idOf(left, right));
    }
  }
  const component = components(edges);
  const apart = new Set(found.flatMap(([a, b], id) => (a === b ? [] : [present(component[id])])));
  return found.some(([a, b], id) => a === b && apart.has(present(component[id])));
}

const inLoop = (places: readonly Place[], loops: readonly number[], place: number): boolean =>
  [...present(places[place]).next.keys()].some((next) => loops[next] === loops[place]);

/** The longest row of loops that a match can go through, each of which can take what the one before it takes. */
function loopsInARow(places: readonly Place[], loops: readonly number[]): number {
  const taken = new Map<number, bigint>();
  for (const [place, { takes }] of places.entries())
    if (inLoop(places, loops, place))
      taken.set(present(loops[place]), (taken.get(present(loops[place])) ?? 0n) | takes);
  const rows = new Map<string, number>();
  /** From this place on, after a loop that takes `before`. */
  const row = (place: number, before: number): number => {
    const key = `${place}:${before}`;
    const known = rows.get(key);
    if (known !== undefined) return known;
    rows.set(key, 0); // within a loop
    const own = present(loops[place]);
    const enters = taken.has(own) && own !== before;
    const follows = enters && (before < 0 || (present(taken.get(own)) & present(taken.get(before))) !== 0n);
    const last = enters && (follows || before < 0) ? own : before;
    let longest = 0;
    for (const next of present(places[place]).next.keys()) longest = Math.max(longest, row(next, last));
    const result = longest + (follows ? 1 : 0);
    rows.set(key, result);
    return result;
  };
  return places.reduce((most, _, place) => Math.max(most, row(place, -1)), 0);
}

/** Strongly connected components: the number of each vertex's. Tarjan's, without recursion. */
function components(edges: readonly (readonly number[])[]): readonly number[] {
  const order = new Array<number>(edges.length).fill(-1);
  const low = new Array<number>(edges.length).fill(0);
  const component = new Array<number>(edges.length).fill(-1);
  const stack: number[] = [];
  let count = 0;
  let named = 0;
  for (const [root] of edges.entries()) {
    if (order[root] !== -1) continue;
    const work: { readonly vertex: number; at: number }[] = [{ vertex: root, at: 0 }];
    while (work.length > 0) {
      const top = present(work.at(-1));
      const { vertex } = top;
      if (top.at === 0) {
        order[vertex] = low[vertex] = count++;
        stack.push(vertex);
      }
      const next = present(edges[vertex])[top.at++];
      if (next !== undefined) {
        if (order[next] === -1) work.push({ vertex: next, at: 0 });
        else if (component[next] === -1) low[vertex] = Math.min(present(low[vertex]), present(order[next]));
        continue;
      }
      work.pop();
      const parent = work.at(-1);
      if (parent) low[parent.vertex] = Math.min(present(low[parent.vertex]), present(low[vertex]));
      if (low[vertex] !== order[vertex]) continue;
      for (let member = -1; member !== vertex; ) {
        member = present(stack.pop());
        component[member] = named;
      }
      named++;
    }
  }
  return component;
}
