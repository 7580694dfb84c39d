/**
 * 3,000 rungs of skips are read, mapped, pruned and gated in time that grows with their number, not with its square.
 * What is compared is the processor's time of one run with that of another: a busy machine slows both.
 */
import { describe, expect, it } from 'vitest';
import { droppableBlocks } from '../../fixtures/exports/matchModules';
import { StudioError } from '../errors/StudioError';
import { checkModel } from '../onnx/checkModel';
import { readModel } from '../onnx/readModel';
import { writeModel } from '../onnx/writeModel';
import { gate } from '../passes/gate';
import { prune } from '../passes/prune';
import { discoverBlocks } from './discoverBlocks';
import { LADDER_KINDS, type LadderKind, ladder } from './testing/ladders';

const SIZES = [375, 750, 1500, 3000];

function processorMs(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** All that the studio does with the graph before it runs; refusing it by name is right too. */
function work(bytes: Uint8Array): void {
  try {
    const model = readModel(bytes);
    checkModel(model);
    const tree = discoverBlocks(model, { bindings: new Map() });
    const ids = droppableBlocks(tree).map(({ id }) => id);
    prune(model, tree, { dropped: ids.filter((_, i) => i % 2 === 0) });
    gate(model, tree);
  } catch (thrown) {
    if (!(thrown instanceof StudioError) || thrown.code === 'internal') throw thrown;
  }
}

describe('a ladder of skips', () => {
  it.each(LADDER_KINDS)('%s grows near-linearly', (kind: LadderKind) => {
    const times = SIZES.map((rungs) => {
      const bytes = writeModel(ladder(kind, rungs));
      return processorMs(() => work(bytes));
    });
    console.log(`${kind}: ${SIZES.map((rungs, i) => `${rungs} rungs ${times[i]!.toFixed(0)} ms`).join(', ')}`);
    // twice the rungs, four times the time: a square would be 64 times from the first to the last, a line is 8
    expect(times.at(-1)! / times[0]!).toBeLessThan(30);
  });
});
