/** Against the reader, on exports of real architectures and on what is no model. */
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { listExports, readExportedModel } from '../../../fixtures/exports/readExport';
import { subgraphs } from '../graph';
import type { Graph } from '../model';
import { readModel } from '../readModel';
import { buildModel } from '../testing/buildModel';
import { writeModel } from '../writeModel';
import { countNodes } from './countNodes';

const counted = ({ nodes }: Graph): number =>
  nodes.reduce(
    (sum, { attributes }) =>
      [...attributes.values()].flatMap(subgraphs).reduce((inner, body) => inner + counted(body), sum + 1),
    0,
  );

test('as many as the reader finds in exports of real architectures', () => {
  const root = resolve(import.meta.dirname, '../../../fixtures/exports');
  const some = listExports(root).filter((_, index) => index % 8 === 0);
  expect(some.length).toBeGreaterThan(2);
  for (const path of some) {
    const bytes = readExportedModel(root, path);
    const model = readModel(bytes);
    expect(countNodes(bytes), path).toBe(model.functions.length > 0 ? undefined : counted(model.graph));
  }
});

test('as many as the reader finds, branches included', () => {
  const model = buildModel((b) => b.output(b.op('Relu', [b.op('Relu', [b.input('x', [1])])])));
  const { graph } = model;
  const [first] = graph.nodes;
  const branch = { ...graph, inputs: [], initializers: new Map() };
  const node = { ...first!, opType: 'If', attributes: new Map([['then_branch', { kind: 'graph', value: branch }]]) };
  const nested = { ...model, graph: { ...graph, nodes: [node, ...graph.nodes] } } as typeof model;
  expect(countNodes(writeModel(nested))).toBe(5);
  expect(counted(nested.graph)).toBe(5);
});

test('undefined where functions stand for any number, and for what is no model', () => {
  const model = buildModel((b) => b.output(b.op('Relu', [b.input('x', [1])])));
  const definition = { name: 'f', domain: 'd', inputs: [], outputs: [], attributes: [], attributeDefaults: new Map() };
  const functions = [{ ...definition, nodes: [], opsets: new Map([['', 17]]), valueInfo: new Map() }];
  expect(countNodes(writeModel({ ...model, functions }))).toBeUndefined();
  const bytes = writeModel(model);
  for (const broken of [new Uint8Array(8), bytes.slice(0, -3), new TextEncoder().encode('no model at all')])
    expect(countNodes(broken)).toBeUndefined();
});
