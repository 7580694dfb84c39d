import { expect, test } from 'vitest';
import { memoryFolder } from '../library/testing/memoryFolder';
import type { Pipeline } from './Pipeline';
import { isOfTeacherAlone, studentTexts } from './studentFolder';

const presets = [{ id: 'gentle', label: 'Gentle', description: 'Measured.', dropped: ['mid'] }];
const index = { _class_name: 'X', _studio: { steps: 4, presets, prompt: 'a cat' } };

async function textsOf(files: Record<string, string | object>, dropped = ['mid', 'up.1'], made = 'It was healed.') {
  const pipeline = { folder: memoryFolder(files), description: { name: 'toy', presets } } as unknown as Pipeline;
  const texts = await studentTexts(pipeline, { dropped }, made);
  return Object.fromEntries([...texts].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]));
}

test('a card says whose figures it gives, behind what model hubs read', async () => {
  const files = { 'README.md': '---\nlicense: mit\n---\n# toy\nJudged 98 %.\n', 'model_index.json': index };
  const card = (await textsOf(files))['README.md']!;
  expect(card).toMatch(/^---\nlicense: mit\n---\n# A student of toy\n/);
  expect(card).toContain('2 of its blocks were dropped: `mid`, `up.1`. It was healed.');
  expect(card.indexOf('not this model')).toBeLessThan(card.indexOf('Judged 98 %'));
});

test('a folder without a card gets one, a graph on its own does not', async () => {
  expect((await textsOf({ 'model_index.json': index }))['README.md']).toMatch(/^# A student of toy\n/);
  expect(await textsOf({ 'model.onnx': 'x' })).toEqual({});
});

test('cuts measured on the teacher are left out, the rest of the index stays', async () => {
  const texts = await textsOf({ 'model_index.json': index });
  expect(JSON.parse(texts['model_index.json']!)).toEqual({ _class_name: 'X', _studio: { steps: 4, prompt: 'a cat' } });
});

test('the teacher’s stored clip stays with it', () => {
  expect(['stored-clip.png', 'stored-clip.json', 'clips.png', 'unet/stored-clip.png'].filter(isOfTeacherAlone)).toEqual(
    ['stored-clip.png', 'stored-clip.json'],
  );
});
