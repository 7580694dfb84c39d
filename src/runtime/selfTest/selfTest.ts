/**
 * Whether a backend computes what another one does, on one small graph of the operators that denoisers are made of.
 * Placement proves nothing: a kernel can be there and wrong on one adapter alone.
 */
import { StudioError } from '../../errors/StudioError';
import { outputDifference } from '../outputDifference';
import type { Runtime } from '../Runtime';
import { boolScalar, floatValues, tensorOf } from '../tensors';
import { opSuite, opSuiteDims, spread } from './builtInGraphs';

/** The graph's values are of the order of 1. */
const TOLERANCE = 1e-3;

/** The largest difference of the outputs. Throws `engine/self-test-failed`, and what the candidate throws. */
export async function selfTest(candidate: Runtime, reference: Runtime, referenceName: string): Promise<number> {
  const { max: difference } = outputDifference(await runSuite(candidate), await runSuite(reference));
  if (!(difference <= TOLERANCE)) {
    throw new StudioError(
      'engine/self-test-failed',
      `Its results differ from ${referenceName}'s by ${difference.toPrecision(2)}.`,
      { difference },
    );
  }
  return difference;
}

async function runSuite(runtime: Runtime): Promise<Float32Array> {
  const session = await runtime.createSession({
    what: 'the self-test',
    modelBytes: opSuite(),
    externalData: new Map(),
  });
  try {
    const count = opSuiteDims.reduce<number>((a, b) => a * b, 1);
    const { y } = await session.run({ x: tensorOf('float32', opSuiteDims, spread(count, 0)), keep: boolScalar(true) }, [
      'y',
    ]);
    if (!y) throw new StudioError('internal', 'The self-test gave no output.');
    return floatValues(y);
  } finally {
    await session.release();
  }
}
