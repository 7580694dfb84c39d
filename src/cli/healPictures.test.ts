/** A model that begins with a picture learns, and is measured, from pictures: the folder's own, or those that are given. */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { StudioError } from '../errors/StudioError';
import { heal } from '../studio/healing/heal';
import { defaultHealSettings } from '../studio/healing/healData';
import { heldOutItems, trainingStates } from '../studio/healing/trainingStates';
import type { Pipeline } from '../studio/Pipeline';
import { givenPictures } from './givenPictures';
import { openPipelineOnDisk } from './openPipelineOnDisk';
import { temporaryFolder } from './testing/fixtureModel';

const teacher = resolve(import.meta.dirname, '../../public/models/emoji-i2v');

let folder: string;
let pipeline: Pipeline;
beforeAll(async () => {
  folder = await temporaryFolder();
  pipeline = await openPipelineOnDisk(teacher, new AbortController().signal);
});
afterAll(async () => {
  await pipeline.release();
  await rm(folder, { recursive: true });
});

const settings = { ...defaultHealSettings, prompts: [''], samplingSteps: 1, guidance: 1 };

it('begins its clips with the folder’s pictures in turn, held-out ones too', async () => {
  const pictures = await givenPictures(undefined, pipeline);
  expect(pictures).toHaveLength(6);
  const states = trainingStates(pipeline, settings, { pictures });
  const items = await states.first(8, {});
  const begun = items.map(({ run }) => pictures.findIndex(({ key }) => key === run.settings.image?.key));
  expect(new Set(begun)).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  const [one, other] = [0, 1].map((picture) => items[begun.indexOf(picture)]?.run.conditions);
  expect(one?.picture?.length).toBeGreaterThan(0);
  expect(one?.picture).not.toEqual(other?.picture);
  const heldOut = await heldOutItems(pipeline, settings, pictures, {});
  expect(heldOut.every(({ run }) => run.settings.image && run.conditions.picture)).toBe(true);
});

it('is not healed on a blank picture, nor on without those that it began with', async () => {
  const plan = { dropped: ['up_blocks.1.resnets.1'] };
  const told = heal(pipeline, { plan, weights: 'original' }, settings);
  await expect(told).rejects.toThrow(StudioError);
  await expect(told).rejects.toThrow(/begins with a picture/);
  const gone = { ...settings, pictures: ['a picture that nobody has'] };
  const pictures = await givenPictures(undefined, pipeline);
  await expect(heal(pipeline, { plan, weights: 'original' }, gone, { pictures })).rejects.toThrow(/not at hand/);
});

it('reads a folder of pictures, and says where there is none', async () => {
  const mine = join(folder, 'mine');
  await mkdir(mine);
  await expect(givenPictures([mine], pipeline)).rejects.toThrow(/no PNG or JPEG/);
  await copyFile(join(teacher, 'pictures/panda.png'), join(mine, 'b.png'));
  await copyFile(join(teacher, 'pictures/pizza.png'), join(mine, 'a.PNG'));
  const read = await givenPictures([mine, join(teacher, 'pictures/panda.png')], pipeline);
  expect(read).toHaveLength(3);
  expect(read[1]?.key).toBe(read[2]?.key);
  expect(read[0]?.key).not.toBe(read[1]?.key);
});
