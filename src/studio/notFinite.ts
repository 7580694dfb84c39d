/**
 * Numbers that are none (NaN) or have no end (Inf): told with the block where they begin, never passed on, because
 * every comparison of them says something wrong ("identical", an SSIM of 1).
 */

import type { Block, BlockTree } from '../blocks/block';
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import { writeModel } from '../onnx/writeModel';
import { prune } from '../passes/prune';
import { tap } from '../passes/tap';
import { countNotFinite } from '../runtime/notFinite';
import type { Feeds } from '../runtime/Runtime';
import { floatValues } from '../runtime/tensors';
import type { OpenedComponent, Pipeline } from './Pipeline';
import type { Edit } from './Variant';

/** One call of a component and what came out. */
export interface ComponentOutput {
  readonly edit: Edit;
  readonly feeds: Feeds;
  readonly values: Float32Array;
  /** How a sentence on it begins: 'Step 3 of 16'. */
  readonly where: string;
}

/** Throws `engine/not-finite`; only then a second run finds the block. */
export async function requireFinite(
  pipeline: Pick<Pipeline, 'createSession'>,
  component: OpenedComponent,
  { edit, feeds, values, where }: ComponentOutput,
): Promise<void> {
  const count = countNotFinite(values);
  if (count === 0) return;
  const facts = { notFinite: count, of: values.length, where };
  const what = `${where}: ${count} of ${values.length} values that the ${component.id} gives are not finite (NaN or Inf)`;
  let begin: Beginning;
  try {
    begin = await firstNotFinite(pipeline, component, edit, feeds);
  } catch (cause) {
    throw new StudioError('engine/not-finite', `${what}; where they begin could not be found out.`, facts, { cause });
  }
  throw new StudioError('engine/not-finite', `${what}; they begin ${begin.text}.`, {
    ...facts,
    ...(begin.block === undefined ? {} : { block: begin.block }),
  });
}

interface Beginning {
  readonly text: string;
  readonly block?: string;
}

async function firstNotFinite(
  { createSession }: Pick<Pipeline, 'createSession'>,
  { modelOf, tree, types, externalData }: OpenedComponent,
  { plan, weights }: Edit,
  feeds: Feeds,
): Promise<Beginning> {
  const input = Object.entries(feeds).find(
    ([, fed]) => 'data' in fed && /^float/.test(fed.dataType) && countNotFinite(floatValues(fed)) > 0,
  );
  if (input) return { text: `before it, in what is given as ${input[0]}` };
  const student = prune(modelOf(weights), tree, plan);
  const places = new Map(student.graph.nodes.flatMap(({ outputs }, i) => outputs.map((name) => [name, i] as const)));
  const taps = blocksWithOutput(tree)
    .filter(({ output }) => places.has(output) && /^float(16|32)$/.test(types.get(output)?.dataType ?? ''))
    .sort((a, b) => present(places.get(a.output)) - present(places.get(b.output)) || b.id.length - a.id.length);
  const names = [...new Set(taps.map(({ output }) => output))];
  const session = await createSession({
    what: 'the search for the block',
    modelBytes: writeModel(tap(student, names)),
    externalData,
  });
  try {
    const found = await session.run(feeds, names);
    const first = taps.find(({ output }) => countNotFinite(floatValues(present(found[output]))) > 0);
    return first ? { text: `in the block ${first.id}`, block: first.id } : { text: 'after the last block' };
  } finally {
    await session.release();
  }
}

type BlockWithOutput = Block & { readonly output: string };

function blocksWithOutput(tree: BlockTree): BlockWithOutput[] {
  const all = (block: Block): Block[] => [block, ...block.children.flatMap(all)];
  return tree.blocks.flatMap(all).filter((block): block is BlockWithOutput => block.output !== undefined);
}
