/**
 * Searches on the data paths of a graph: what lies between two values, and through which value every path of the
 * trunk runs. Bounded by execution order, so that a search stays in the neighbourhood of its ends.
 */
import { present } from '../errors/present';
import type { Flow } from './flow';

/** Nodes on data paths from `ancestor` to `value`, in execution order; `undefined` when there is none. */
export function nodesBetween(flow: Flow, ancestor: number, value: number): readonly number[] | undefined {
  const { producer, data, outputs } = flow;
  const floor = present(producer[ancestor]);
  const start = present(producer[value]);
  if (ancestor === value || start <= floor) return undefined;
  const seen = new Set<number>([start]);
  const visited = [start];
  for (let at = 0; at < visited.length; at++) {
    for (const operand of present(data[present(visited[at])])) {
      const maker = present(producer[operand]);
      if (operand === ancestor || maker <= floor || maker < 0 || seen.has(maker) || !flow.stream[operand]) continue;
      seen.add(maker);
      visited.push(maker);
    }
  }
  const reached = new Set<number>([ancestor]);
  const between: number[] = [];
  for (const node of visited.sort((a, b) => a - b)) {
    if (!present(data[node]).some((operand) => reached.has(operand))) continue;
    between.push(node);
    for (const output of present(outputs[node])) reached.add(output);
  }
  return reached.has(value) ? between : undefined;
}

/** More steps than any residual branch has: beyond it there is no local skip connection. */
const maxSteps = 5000;

/**
 * The nearest value through which all paths from the latent to `values` run; `undefined` when it is further than
 * any branch is long.
 */
export function trunkDominator(flow: Flow, values: readonly number[]): number | undefined {
  const frontier = new Set(values.filter((value) => flow.trunk[value]));
  for (let step = 0; step < maxSteps && frontier.size > 1; step++) {
    let last = -1;
    for (const value of frontier)
      if (last < 0 || present(flow.producer[value]) > present(flow.producer[last])) last = value;
    const node = present(flow.producer[last]);
    if (node < 0) return undefined;
    frontier.delete(last);
    for (const operand of present(flow.data[node])) if (flow.trunk[operand]) frontier.add(operand);
  }
  return frontier.size === 1 ? [...frontier][0] : undefined;
}
