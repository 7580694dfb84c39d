/** What a written file says of itself, read with the protobuf schema alone, and that onnxruntime runs it as before. */
import { fromBinary } from '@bufbuild/protobuf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { readModel } from '../onnx/readModel';
import { buildModel } from '../onnx/testing/buildModel';
import { ModelProtoSchema } from '../onnx/wire/onnx_pb';
import { writeModel } from '../onnx/writeModel';
import { checkStudentFile } from './checkStudentFile';
import { type Origin, withOrigin } from './origin';

const model = {
  ...buildModel((b) => {
    const sample = b.input('sample', [1, 2]);
    const kept = b.op('Add', [sample, b.op('Relu', [sample], {}, { name: '/blocks.0/Relu' })], {}, { name: '/Add' });
    b.op('Identity', [kept], {}, { name: '/last', outputs: ['out_sample'] });
    b.output('out_sample', [1, 2]);
  }),
  metadata: new Map([
    ['author', 'somebody'],
    ['vdminish', 'theirs'],
  ]),
};
const origin: Origin = {
  model: 'toy',
  plan: { dropped: ['blocks.1', 'a,"b"'] },
  weights: 'original',
  settings: { prompt: 'ein Panda, 熊猫 🐼\n"x"', seed: 7, steps: 4, guidance: 2.5 },
};

/** By the schema of onnx.proto, not by the studio's reader. */
const propsIn = (bytes: Uint8Array): Record<string, string> =>
  Object.fromEntries(fromBinary(ModelProtoSchema, bytes).metadataProps.map(({ key, value }) => [key, value]));

test('a file says model, plan, prompt, settings and version; what it said before stays', () => {
  const props = propsIn(writeModel(withOrigin(model, origin)));
  expect(props).toMatchObject({ author: 'somebody', vdminish: 'theirs', 'vdmini.model': 'toy' });
  expect(props['vdmini.version']).toMatch(/^VDMini Studio \d+\.\d+\.\d+/);
  expect(props['vdmini.prompt']).toBe(origin.settings.prompt);
  expect(JSON.parse(props['vdmini.plan']!)).toEqual(origin.plan);
  expect(JSON.parse(props['vdmini.settings']!)).toEqual({ seed: 7, steps: 4, guidance: 2.5 });
  expect(Object.keys(props)).toHaveLength(7);
});

test('healed weights and the picture are named; of a student of a student both are told', () => {
  const image = { key: 'f00d', name: 'cat.png', width: 1, height: 1, pixels: new Uint8ClampedArray(4) };
  const again = { ...origin, model: 'toy-student', weights: 'abc', settings: { ...origin.settings, image } };
  const props = propsIn(writeModel(withOrigin(withOrigin(model, origin), again)));
  expect(props).toMatchObject({ 'vdmini.model': 'toy-student', 'vdmini.weights': 'abc' });
  expect(JSON.parse(props['vdmini.settings']!).picture).toEqual({ name: 'cat.png', sha256: 'f00d' });
  expect(JSON.parse(props['vdmini.source']!)).toMatchObject({ model: 'toy', plan: JSON.stringify(origin.plan) });
});

test('half a surrogate pair, which no file can hold, reads back as it was written', () => {
  const odd = withOrigin(model, { ...origin, settings: { ...origin.settings, prompt: 'x\ud83d' } });
  expect(readModel(writeModel(odd)).metadata).toEqual(odd.metadata);
});

test('a file that tells of another plan, or of none, is not the one that was asked for', async () => {
  const tree = { latentInput: 'sample', blocks: [], groups: [], notes: [] } as never;
  const component = { modelOf: () => model, tree, externalData: new Map() };
  const nothing: Origin = { ...origin, plan: { dropped: [] } };
  const check = (said: Origin | undefined) =>
    checkStudentFile(
      component,
      nothing,
      {
        what: 'x.onnx',
        modelBytes: writeModel(said ? withOrigin(model, said) : model),
        externalData: new Map(),
      },
      { origin: nothing },
    );
  await check(nothing);
  for (const wrong of [origin, undefined])
    await expect(check(wrong)).rejects.toMatchObject({ code: 'engine/verification-failed' });
});

test('onnxruntime gives the same numbers', async () => {
  const outputs: number[][] = [];
  for (const one of [model, withOrigin(model, origin)]) {
    const session = await InferenceSession.create(writeModel(one));
    const { out_sample } = await session.run({ sample: new Tensor('float32', Float32Array.of(-1, 2), [1, 2]) });
    outputs.push([...(out_sample!.data as Float32Array)]);
    await session.release();
  }
  expect(outputs).toEqual([
    [-1, 4],
    [-1, 4],
  ]);
});
