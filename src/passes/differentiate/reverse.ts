/**
 * The reverse walk: from the loss back to the wanted values, operator by operator. What does not lie between the two gets
 * no gradient and costs nothing.
 */
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import { usedNames } from '../../onnx/graph';
import type { Node } from '../../onnx/model';
import { Gradients } from './Gradients';
import type { GraphWriter } from './GraphWriter';
import type { GradientRules, Numbers } from './Rule';
import { arrangementRules } from './rules/arrangement';
import { elementwiseRules } from './rules/elementwise';
import { linearRules } from './rules/linear';
import { normalisationRules } from './rules/normalisation';
import { shortcut } from './shortcuts';

export const gradientRules: GradientRules = {
  ...elementwiseRules,
  ...arrangementRules,
  ...linearRules,
  ...normalisationRules,
};

/** Floating-point values that depend on one of `sources` through `nodes` (in topological order); the sources included. */
export function activeValues(w: GraphWriter, nodes: readonly Node[], sources: Iterable<string>): ReadonlySet<string> {
  const active = new Set(sources);
  for (const node of nodes) {
    if (!usedNames(node).some((name) => active.has(name))) continue;
    for (const name of node.outputs) if (name !== '' && (w.isFloat(name) || !w.types.has(name))) active.add(name);
  }
  return active;
}

/**
 * Value -> its gradient, for those of `wanted` that the loss depends on. `loss` is a scalar that `w` has written. `seed`: the
 * gradient of the loss itself, 1 where absent. Throws `passes/no-gradient` and `passes/unbound-size`.
 */
export function reverse(
  w: GraphWriter,
  loss: string,
  wanted: readonly string[],
  numbers: Numbers,
): ReadonlyMap<string, string> {
  const nodes = [...w.nodes];
  const active = activeValues(w, nodes, wanted);
  const gradients = new Gradients(w);
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  gradients.add(loss, w.filled(w.shape(loss), 1));
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => gradients.has(name))) continue;
    if (!usedNames(node).some((name) => active.has(name))) continue;
    const gradient = node.outputs.length === 1 ? gradients.of(present(node.outputs[0])) : undefined;
    const short = gradient && shortcut({ w, node, gradient, numbers, maker: (name) => makers.get(name) });
    if (short) gradients.add(short.value, short.gradient);
    else backThrough(w, node, active, gradients, numbers);
  }
  return new Map(wanted.flatMap((name) => (gradients.has(name) ? [[name, present(gradients.of(name))] as const] : [])));
}

function backThrough(
  w: GraphWriter,
  node: Node,
  active: ReadonlySet<string>,
  gradients: Gradients,
  numbers: Numbers,
): void {
  const rule = node.domain === '' && Object.hasOwn(gradientRules, node.opType) ? gradientRules[node.opType] : undefined;
  if (!rule) throw noGradient(node);
  const outputs = node.outputs.map((name) => (name === '' ? undefined : gradients.of(name)));
  const gradient = outputs[0] ?? w.filled(w.shape(present(node.outputs[0])));
  const parts = rule({ w, node, inputs: node.inputs, gradient, gradients: outputs, numbers });
  node.inputs.forEach((name, i) => {
    if (!active.has(name)) return;
    const part = parts[i];
    if (!part) throw noGradient(node, name);
    const contribution = part();
    if (contribution !== undefined) gradients.add(name, contribution);
  });
}

function noGradient(node: Node, input?: string): StudioError {
  const operator = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`;
  const what = input === undefined ? '' : ` to its input '${input}' as it is used here`;
  return new StudioError(
    'passes/no-gradient',
    `The ${operator} node '${node.name || present(node.outputs[0])}' has no gradient rule${what}.`,
    {
      node: node.name || present(node.outputs[0]),
      opType: operator,
    },
  );
}
