/**
 * Which module of the original network a node came from, as exporters write it down: the legacy exporter in the
 * node's name, the dynamo exporter in its metadata. '' where nothing is written.
 */
import type { Graph, Node } from '../onnx/model';

const DYNAMO_SCOPES = 'pkg.torch.onnx.name_scopes';

/** Module path of every node, such as `down_blocks.0.resnets.1.conv1`. */
export function moduleScopes(graph: Graph): ReadonlyMap<Node, string> {
  const dynamo = graph.nodes.some((node) => node.metadata?.has(DYNAMO_SCOPES));
  return new Map(graph.nodes.map((node) => [node, dynamo ? dynamoScope(node) : legacyScope(node)]));
}

/** A Python list literal; the module is the element before the last (the last is the call itself). */
function dynamoScope(node: Node): string {
  const literal = node.metadata?.get(DYNAMO_SCOPES);
  if (!literal) return '';
  const items = [...literal.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map((match) => (match[1] ?? match[2] ?? '').replace(/\\(.)/g, '$1'));
  return plainPath(items.at(-2) ?? '');
}

/** Strict mode writes `__dict__['_modules']['blocks'].0` for `blocks.0`. */
function plainPath(path: string): string {
  return path
    .replace(/__dict__\['_modules'\]/g, '')
    .replace(/\['([^']*)'\]/g, '.$1')
    .replace(/^L\.?self\.?/i, '')
    .replace(/\.{2,}/g, '.')
    .replace(/^\./, '');
}

/**
 * `/down_blocks.0/resnets.1/conv1/Conv`. A component that repeats the one before and adds to it replaces it:
 * children of nn.Sequential are written `/input_blocks.1/input_blocks.1.0/`.
 */
function legacyScope(node: Node): string {
  if (!node.name.startsWith('/')) return '';
  const parts: string[] = [];
  for (const part of node.name.split('/').slice(1, -1)) {
    const last = parts.at(-1);
    if (last !== undefined && part.startsWith(`${last}.`)) parts[parts.length - 1] = part;
    else parts.push(part);
  }
  return parts.join('.');
}

/** All ancestors of a path, itself first: 'a.0.b' -> ['a.0.b', 'a.0', 'a']. */
export function prefixes(path: string): readonly string[] {
  const parts = path.split('.');
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('.'));
}
