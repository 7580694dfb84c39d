/**
 * Modules of the original network, as far as an exporter wrote down which call each node is part of. A module that is
 * called several times is its set of calls. Only graphs in which all weights have such a place are read this way: what
 * optimisers leave of names is for labels alone.
 */
import { present } from '../errors/present';
import type { Flow } from './flow';
import { callChain, commonPath, isInside, weightScope } from './scopes';

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
  const chains = placedByWeights(flow, mergeCalls(flow, flow.nodes.map(callChain)));
  if (chains.some((chain, node) => chain === undefined && flow.weighted[node])) return undefined;
  const called = new Set(chains.flatMap((chain) => chain ?? []));
  if (called.size === 0) return undefined;
  const scopes = withoutLateViews(
    flow,
    completed(
      flow,
      chains.map((chain) => chain?.at(-1) ?? (chain ? '' : undefined)),
    ),
  );
  return { scopes, called, results: resultsOf(flow, scopes, called) };
}

type Chains = readonly (readonly string[] | undefined)[];

/**
 * A module that is called without the one around it (`self.inner.attention(x)`, an entry of a dictionary of modules) lacks
 * that in the names that the legacy exporter writes; the names of its weights have it. Calls that are written alike are told
 * apart by what is called between them. Where the weights of one call say two things, all stays as it is written.
 */
function placedByWeights(flow: Flow, chains: Chains): Chains {
  const runs = new Map<string, Run[]>();
  chains.forEach((chain, node) => {
    if (!chain || flow.nodes[node]?.metadata?.size) return;
    const weights = weightScope(
      present(flow.uses[node]).flatMap((value) => (flow.stream[value] ? [] : [present(flow.names[value])])),
    );
    chain.forEach((path, depth) => {
      const known = runs.get(path) ?? [];
      if (known.length === 0) runs.set(path, known);
      let run = known.at(-1);
      if (!run || interrupted(chains, run.last, node, path))
        known.push((run = { first: node, last: node, depth, inserted: new Set() }));
      run.last = node;
      const inserted = insertedBefore(chain, depth, weights);
      if (inserted !== undefined) run.inserted.add(inserted);
    });
  });
  const moved = [...chains];
  for (const [path, found] of runs) {
    if (found.some(({ inserted }) => inserted.size > 1) || found.every(({ inserted }) => ![...inserted][0])) continue;
    for (const { first, last, depth, inserted } of found) {
      const [part] = inserted;
      if (!part) continue;
      const before = path.slice(0, path.length - ownPart(present(chains[first]), depth).length);
      for (let node = first; node <= last; node++) {
        const chain = moved[node];
        if (chains[node]?.[depth] === path && chain)
          moved[node] = chain.map((one, at) => (at < depth ? one : `${before}${part}.${one.slice(before.length)}`));
      }
    }
  }
  return moved;
}

/** Nodes of calls that are written alike, with nothing of another call between them. */
interface Run {
  readonly first: number;
  last: number;
  readonly depth: number;
  /** What the names of weights have before the module's own name and its written path lacks; '' where it lacks nothing. */
  readonly inserted: Set<string>;
}

/** Is a node of another place between two nodes of a module? */
function interrupted(chains: Chains, from: number, to: number, path: string): boolean {
  for (let node = from + 1; node < to; node++) {
    const chain = chains[node];
    if (chain && chain.length > 0 && !chain.includes(path)) return true;
  }
  return false;
}

/** A module's name in the one around it. */
function ownPart(chain: readonly string[], depth: number): string {
  const path = present(chain[depth]);
  const around = depth === 0 ? '' : present(chain[depth - 1]);
  return path.startsWith(`${around}.`) ? path.slice(around.length + 1) : path;
}

/** `inner` where the weights of `blocks.0.attention.to_q` are called `blocks.0.inner.attention.to_q.bias` (at `attention`). */
function insertedBefore(chain: readonly string[], depth: number, weights: string): string | undefined {
  const written = chain.at(-1);
  if (weights === '' || written === undefined) return undefined;
  const path = present(chain[depth]);
  const before = path.slice(0, path.length - ownPart(chain, depth).length);
  const after = written.slice(before.length);
  const named = weights.split('.');
  if (!weights.startsWith(before) || (weights !== `${before}${after}` && !weights.endsWith(`.${after}`)))
    return undefined;
  const length = named.length - after.split('.').length;
  const head = before === '' ? [] : before.slice(0, -1).split('.');
  return length < head.length ? undefined : named.slice(head.length, length).join('.');
}

/**
 * The legacy exporter writes the second call of `conv` as `conv_1`. It is one where there is a `conv` beside it and no
 * weight is called `conv_1`: modules may have such names of their own.
 */
function mergeCalls(flow: Flow, chains: Chains): Chains {
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

/**
 * torch.export makes a part of a value again where it is first used, after the value was written to: the part that a layer is
 * given seems to be taken by the norm that reads it first. What others read besides that module is none of its own.
 */
function withoutLateViews(flow: Flow, scopes: readonly string[]): readonly string[] {
  return scopes.map((scope, node) => {
    const { opType, domain, metadata } = present(flow.nodes[node]);
    const [whole] = present(flow.data[node]);
    if (opType !== 'Slice' || domain !== '' || !metadata?.size || whole === undefined || scope === '') return scope;
    const around = scope.split('.').slice(0, -1).join('.');
    const source = present(flow.producer[whole]);
    const from = source < 0 ? '' : present(scopes[source]);
    const users = present(flow.outputs[node]).flatMap((value) => present(flow.users[value]));
    const readElsewhere = users.some((user) => !isInside(present(scopes[user]), scope));
    return readElsewhere && around !== '' && !isInside(from, around)
      ? commonPath([from, ...users.map((user) => present(scopes[user]))])
      : scope;
  });
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
