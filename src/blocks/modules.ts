/**
 * Modules of the original network, as far as an exporter wrote down which call each node is part of. A module that is
 * called several times is its set of calls. Only graphs in which all weights have such a place are read this way: what
 * optimisers leave of names is for labels alone.
 */
import { present } from '../errors/present';
import type { Flow } from './flow';
import { callChain, commonPath, isInside } from './scopes';

export interface Modules {
  /** Node -> the innermost module that it is a call of; '' for the outermost forward method. */
  readonly scopes: readonly string[];
  /** All modules that are called, the outermost not among them; lists of modules are not called. */
  readonly called: ReadonlySet<string>;
  /** Module -> values that it makes and others read, in execution order. */
  readonly results: ReadonlyMap<string, readonly number[]>;
}

/** `undefined` where a node with weights is without a place, or all are in one. */
export function modulesOf(flow: Flow): Modules | undefined {
  const chains = mergeCalls(flow, flow.nodes.map(callChain));
  if (chains.some((chain, node) => chain === undefined && flow.weighted[node])) return undefined;
  const called = new Set(chains.flatMap((chain) => chain ?? []));
  if (called.size === 0) return undefined;
  const scopes = completed(
    flow,
    chains.map((chain) => chain?.at(-1) ?? (chain ? '' : undefined)),
  );
  return { scopes, called, results: resultsOf(flow, scopes, called) };
}

/**
 * The legacy exporter writes the second call of `conv` as `conv_1`. It is one where there is a `conv` beside it and no
 * weight is called `conv_1`: modules may have such names of their own.
 */
function mergeCalls(
  flow: Flow,
  chains: readonly (readonly string[] | undefined)[],
): readonly (readonly string[] | undefined)[] {
  const written = new Set(chains.flatMap((chain) => chain ?? []));
  const holders = new Set([...flow.graph.initializers.keys()].flatMap((name) => pathsAround(name)));
  const merged = new Map<string, string>();
  const canonical = (path: string, around: string): string => {
    const known = merged.get(path);
    if (known !== undefined) return known;
    const own = around === '' ? path : path.slice(around.length + 1);
    const whole = around === '' ? own : `${canonicalOf(around)}.${own}`;
    const first = path.replace(/_\d+$/, '');
    const isRepeat = first !== path && written.has(first) && !holders.has(path) && !holders.has(whole);
    const found = isRepeat ? whole.replace(/_\d+$/, '') : whole;
    merged.set(path, found);
    return found;
  };
  const canonicalOf = (path: string): string => merged.get(path) ?? path;
  return chains.map((chain) => chain?.map((path, i) => canonical(path, i === 0 ? '' : present(chain[i - 1]))));
}

const pathsAround = (name: string): readonly string[] =>
  name.split('.').map((_, i, parts) => parts.slice(0, i + 1).join('.'));

/** Nodes without a place belong to those that read them, or else to those that they read. */
function completed(flow: Flow, known: readonly (string | undefined)[]): readonly string[] {
  const scopes = [...known];
  const common = (nodes: readonly number[]): string | undefined => {
    const paths = nodes.flatMap((node) => scopes[node] ?? []);
    return paths.length === 0 ? undefined : commonPath(paths);
  };
  for (let node = scopes.length - 1; node >= 0; node--)
    scopes[node] ??= common(present(flow.outputs[node]).flatMap((value) => present(flow.users[value])));
  scopes.forEach((scope, node) => {
    scopes[node] = scope ?? common(present(flow.uses[node]).map((value) => present(flow.producer[value]))) ?? '';
  });
  return scopes as readonly string[];
}

function resultsOf(flow: Flow, scopes: readonly string[], called: ReadonlySet<string>): ReadonlyMap<string, number[]> {
  const results = new Map<string, number[]>();
  flow.nodes.forEach((_, node) => {
    const around = modulesAround(present(scopes[node]), called);
    for (const value of present(flow.outputs[node])) {
      if (!flow.stream[value]) continue;
      for (const module of around) {
        const read =
          flow.isOutput[value] === 1 ||
          present(flow.users[value]).some((user) => !isInside(present(scopes[user]), module));
        if (!read) continue;
        const found = results.get(module);
        if (found) found.push(value);
        else results.set(module, [value]);
      }
    }
  });
  return results;
}

/** The called modules that a path lies in, itself included, the outermost first. */
export function modulesAround(path: string, called: ReadonlySet<string>): readonly string[] {
  const parts = path.split('.');
  return parts.map((_, i) => parts.slice(0, i + 1).join('.')).filter((prefix) => called.has(prefix));
}
