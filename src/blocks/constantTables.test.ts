import { describe, expect, it } from 'vitest';
import { buildModel, type GraphBuilder } from '../onnx/testing/buildModel';
import { constantTables } from './constantTables';
import { weightsOf } from './countTotals';

const graphOf = (build: (b: GraphBuilder) => void) => buildModel(build).graph;

describe('a table that weights multiply', () => {
  it('is no parameter, through whatever is computed from it on the way', () => {
    const graph = graphOf((b) => {
      const phases = b.weight('phases', [4, 6]);
      const table = b.op('Concat', [b.op('Sin', [phases]), b.op('Cos', [phases])], { axis: 1 });
      const hidden = b.op('Gemm', [table, b.weight('weight', [12, 8]), b.weight('bias', [8])]);
      b.output(b.op('Add', [b.input('x', [4, 8]), hidden]));
    });
    expect(constantTables(graph)).toEqual(new Set(['phases']));
    expect(Object.fromEntries([...weightsOf(graph)].map(([name, { parameters }]) => [name, parameters]))).toEqual({
      phases: 0,
      weight: 96,
      bias: 8,
    });
  });
});

describe('not a table', () => {
  it('is a weight that another weight multiplies before data does', () => {
    const graph = graphOf((b) => {
      const product = b.op('MatMul', [b.weight('up', [8, 2]), b.weight('down', [2, 8])]);
      b.output(b.op('MatMul', [b.input('x', [4, 8]), b.op('Add', [b.weight('weight', [8, 8]), product])]));
    });
    expect(constantTables(graph)).toEqual(new Set());
  });

  it('is what data meets as well', () => {
    const graph = graphOf((b) => {
      const position = b.weight('position', [4, 8]);
      const key = b.op('MatMul', [position, b.weight('weight', [8, 8])]);
      b.output(b.op('Add', [b.op('Add', [b.input('x', [4, 8]), position]), key]));
    });
    expect(constantTables(graph)).toEqual(new Set());
  });

  it('is what the caller may replace', () => {
    const graph = graphOf((b) => {
      const table = b.weight('table', [4, 8]);
      b.input('table', [4, 8]);
      b.output(b.op('MatMul', [table, b.weight('weight', [8, 8])]));
    });
    expect(constantTables(graph)).toEqual(new Set());
  });
});
