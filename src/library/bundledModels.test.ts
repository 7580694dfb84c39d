/** The lists of what bundled models consist of, beside what lies in their folders. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bundledModels } from './bundledModels';

/** Read by people, or by the page before a model is open, or for pictures only. */
const NOT_OPENED = /^(README\.md|clips\.png|stored-clip\.(json|png)|pictures\/.*)$/;
/** Read by the models alone that begin with a picture. */
const FOR_PICTURES = /^vae_encoder\//;

test.each(bundledModels)('$id lists every file that opening it reads', ({ url, files }) => {
  const there = readdirSync(`public/${url}`, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(`public/${url}`.length).replace(/^\//, ''));
  const takesPictures = there.some((path) => path.startsWith('image_encoder/'));
  const opened = there.filter((path) => !NOT_OPENED.test(path) && (takesPictures || !FOR_PICTURES.test(path)));
  expect([...files].sort()).toEqual(opened.sort());
});
