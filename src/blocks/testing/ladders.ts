/** Long graphs with skips that span all of them, as tests of growth need: what takes quadratic time shows on 3,000 rungs. */
import type { Model } from '../../onnx/model';
import { buildModel, type GraphBuilder } from '../../onnx/testing/buildModel';

export type LadderKind = 'concatenated' | 'added' | 'summed at the end' | 'nameless';

export const LADDER_KINDS: readonly LadderKind[] = ['concatenated', 'added', 'summed at the end', 'nameless'];

/** `rungs` residual blocks; each one's output is read again far behind. */
export function ladder(kind: LadderKind, rungs: number): Model {
  return buildModel((b) => {
    let x = b.input('sample', [1, 4, 2, 8, 8]);
    b.input('timestep', [1]);
    b.weight('weight', [4, 4, 1, 1, 1]);
    b.weight('wide', [4, 8, 1, 1, 1]);
    const name = (path: string) => (kind === 'nameless' ? {} : { name: `/${path}` });
    const skips: string[] = [];
    for (let i = 0; i < rungs; i++) {
      const inner = b.op('Conv', [x, 'weight'], {}, name(`down.${i}/Conv`));
      x = b.op('Add', [x, inner], {}, name(`down.${i}/Add`));
      skips.push(x);
    }
    x = kind === 'summed at the end' ? sumOf(b, skips) : climb(b, x, skips, kind, name);
    b.op('Identity', [x], {}, { outputs: ['out_sample'] });
    b.output('out_sample', [1, 4, 2, 8, 8]);
  });
}

/** One rung up for each one down, with its skip. */
function climb(
  b: GraphBuilder,
  from: string,
  skips: readonly string[],
  kind: LadderKind,
  name: (path: string) => { readonly name?: string },
): string {
  return skips.reduceRight((x, skip, i) => {
    if (kind === 'added') {
      const mixed = b.op('Add', [x, skip], {}, name(`up.${i}/Add`));
      return b.op('Add', [mixed, b.op('Conv', [mixed, 'weight'], {}, name(`up.${i}/Conv`))], {}, name(`up.${i}/Add_1`));
    }
    const both = b.op('Concat', [x, skip], { axis: 1 }, name(`up.${i}/Concat`));
    return b.op('Conv', [both, 'wide'], {}, name(`up.${i}/Conv`));
  }, from);
}

const sumOf = (b: GraphBuilder, values: readonly string[]): string => b.op('Sum', values, {}, { name: '/out/Sum' });
