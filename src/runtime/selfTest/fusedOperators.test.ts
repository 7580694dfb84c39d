import { describe, expect, it } from 'vitest';
import { StudioError } from '../../errors/StudioError';
import { readModel } from '../../onnx/readModel';
import { nodeRuntime } from '../nodeRuntime';
import type { Runtime, Session } from '../Runtime';
import { distrustedOperators } from './fusedOperators';

/** The CPU's runtime with what one operator gives changed. */
function changed(operator: string, run: (session: Session) => Session['run']): Runtime {
  const runtime = nodeRuntime({ threads: 1 });
  return {
    ...runtime,
    createSession: async (model) => {
      const session = await runtime.createSession(model);
      const isIt = readModel(model.modelBytes).graph.nodes.some(({ opType }) => opType === operator);
      return isIt ? { ...session, run: run(session) } : session;
    },
  };
}

describe('fused operators of a backend', () => {
  it('are all right on the CPU', async () => {
    expect([...(await distrustedOperators(nodeRuntime({ threads: 1 })))]).toEqual([]);
  });

  it.each(['MultiHeadAttention', 'Gelu', 'FastGelu', 'QuickGelu', 'SkipLayerNormalization'])(
    '%s is told where one value of it is off',
    async (operator) => {
      const wrong = changed(operator, (session) => async (feeds, fetches) => {
        const { y } = await session.run(feeds, fetches);
        const data = (y!.data as Float32Array).slice();
        data[1000]! += 0.01;
        return { y: { ...y!, data } };
      });
      expect([...(await distrustedOperators(wrong))]).toEqual([operator]);
    },
  );

  it('count as wrong where they cannot be run, but for a lost device', async () => {
    const failing = (error: StudioError) =>
      changed('Gelu', () => async () => {
        throw error;
      });
    expect([...(await distrustedOperators(failing(new StudioError('engine/run-failed', 'no kernel'))))]).toEqual([
      'Gelu',
    ]);
    await expect(distrustedOperators(failing(new StudioError('gpu/lost', 'gone')))).rejects.toMatchObject({
      code: 'gpu/lost',
    });
  });
});
