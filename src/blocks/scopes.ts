/**
 * Which module of the original network a node came from, as exporters write it down: the legacy exporter in the
 * node's name, the dynamo exporter in its metadata, both in the names of weights. '' where nothing is written.
 */
import type { Node } from '../onnx/model';
import { shapeRule } from '../onnx/shapes/rules';

const DYNAMO_SCOPES = 'pkg.torch.onnx.name_scopes';

/** Module path of a node, such as `down_blocks.0.resnets.1.conv1`. */
export function moduleScope(node: Node): string {
  const literal = node.metadata?.get(DYNAMO_SCOPES);
  if (literal !== undefined) return dynamoScope(literal);
  return node.name.startsWith('/') ? legacyScope(node.name) : '';
}

/**
 * Modules whose call a node is part of, the outermost first, as far as the exporter wrote it down: lists of modules are not
 * called and not among them. `undefined` where nothing is written; empty for nodes of the outermost forward method.
 */
export function callChain(node: Node): readonly string[] | undefined {
  const literal = node.metadata?.get(DYNAMO_SCOPES);
  if (literal !== undefined) {
    const items = literalItems(literal).slice(0, -1).map(plainPath);
    return items.filter((path) => path !== '');
  }
  return node.name.startsWith('/') ? legacyChain(node.name) : undefined;
}

/** Module path that the names of a node's weights tell: `a.b.conv1.weight` belongs to `a.b.conv1`. */
export function weightScope(names: readonly string[]): string {
  for (const name of names) {
    const path = /^([A-Za-z_][\w]*(?:\.\w+)*)\.\w*(?:weight|bias|scale|table|zero_point)\w*$/.exec(name)?.[1];
    if (path !== undefined) return path;
  }
  return '';
}

/** A Python list literal; the module is the element before the last (the last is the call itself). */
const dynamoScope = (literal: string): string => plainPath(literalItems(literal).at(-2) ?? '');

const literalItems = (literal: string): readonly string[] =>
  [...literal.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map((match) =>
    (match[1] ?? match[2] ?? '').replace(/\\(.)/g, '$1'),
  );

/** Strict mode writes `__dict__['_modules']['blocks'].0` for `blocks.0`. */
function plainPath(path: string): string {
  return path
    .replace(/__dict__\['_modules'\]/g, '')
    .replace(/\['([^']*)'\]/g, '.$1')
    .replace(/^L\.?self\.?/i, '')
    .replace(/\.{2,}/g, '.')
    .replace(/^\./, '');
}

/** `/down_blocks.0/resnets.1/conv1/Conv` -> `down_blocks.0.resnets.1.conv1`. */
const legacyScope = (name: string): string => legacyChain(name).at(-1) ?? '';

const isOperator = (name: string): boolean =>
  shapeRule({ domain: 'com.microsoft', opType: name.replace(/_\d+$/, '') }) !== undefined;

/**
 * A component that repeats the one before and adds to it replaces it: children of nn.Sequential are written
 * `/input_blocks.1/input_blocks.1.0/`.
 */
function legacyChain(name: string): readonly string[] {
  const path = name.split('/').slice(1, -1);
  // Optimisers append to the operator's name: `/proj_out/MatMul/MatMulAddFusion`. Modules may begin with a capital too.
  while (isOperator(path.at(-1) ?? '')) path.pop();
  const chain: string[] = [];
  let parts: readonly string[] = [];
  for (const part of path) {
    const last = parts.at(-1);
    parts = last !== undefined && part.startsWith(`${last}.`) ? [...parts.slice(0, -1), part] : [...parts, part];
    chain.push(parts.join('.'));
  }
  return chain;
}

/** The longest module path that all of them lie in; '' for none. */
export function commonPath(paths: readonly string[]): string {
  const [first, ...rest] = paths.map((path) => path.split('.'));
  if (!first) return '';
  let length = first.length;
  for (const parts of rest) {
    let same = 0;
    while (same < length && parts[same] === first[same]) same++;
    length = same;
  }
  return first.slice(0, length).join('.');
}

/** Is `path` the module `scope` or inside it? */
export const isInside = (path: string, scope: string): boolean =>
  scope === '' || path === scope || path.startsWith(`${scope}.`);

/** A path up to its last numbered component: `down_blocks.0.downsamplers.0` of `down_blocks.0.downsamplers.0.conv`. */
export const lastNumberedModule = (path: string): string => /^.*\.\d+(?=\.|$)/.exec(path)?.[0] ?? path;

/** A path up to its first numbered component (`transformer_blocks.3` of `transformer_blocks.3.attn.to_q`); '' when it has none. */
export const numberedModule = (path: string): string => /^(?:[A-Za-z_]\w*\.)+\d+(?=\.|$)/.exec(path)?.[0] ?? '';
