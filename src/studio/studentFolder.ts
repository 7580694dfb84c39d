/**
 * What a pipeline's folder says of the teacher and not of a student, changed for a student's folder: its card says first
 * whose figures it gives, and measured cuts of blocks that are gone are left out. Everything else is copied as it is.
 */
import type { Plan } from '../blocks/plan';
import { readJson, readText } from '../pipeline/componentFiles';
import type { Pipeline } from './Pipeline';

const CARD = 'README.md';
const INDEX = 'model_index.json';
/** The teacher's own clip. */
const STORED_CLIP = /^stored-clip\.(json|png)$/;

export const isOfTeacherAlone = (path: string): boolean => STORED_CLIP.test(path);

/**
 * Contents of the files that are not copied as they are, by path. `made`: how the student came to be beside its cut, in one
 * sentence.
 */
export async function studentTexts(
  { folder, description }: Pipeline,
  { dropped }: Plan,
  made = '',
): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const texts = new Map<string, string>();
  const [hasCard, hasIndex] = [await folder.has(CARD), await folder.has(INDEX)];
  // a graph on its own stays on its own
  if (hasCard || hasIndex)
    texts.set(CARD, studentCard(description.name, dropped, made, hasCard ? await readText(folder, CARD) : ''));
  if (description.presets && hasIndex) {
    const { _studio, ...index } = await readJson(folder, INDEX);
    const { presets, ...studio } = _studio as Readonly<Record<string, unknown>>;
    texts.set(INDEX, `${JSON.stringify({ ...index, _studio: studio }, null, 2)}\n`);
  }
  const encoder = new TextEncoder();
  return new Map([...texts].map(([path, text]) => [path, encoder.encode(text)]));
}

/** The teacher's card stays below. Front matter, which model hubs read, stays first. */
function studentCard(teacher: string, dropped: readonly string[], made: string, card: string): string {
  const front = /^---\n[\s\S]*?\n---\n/.exec(card)?.[0] ?? '';
  const cut = dropped.length === 0 ? 'No block was dropped' : `${dropped.length} of its blocks were dropped`;
  const about = [
    `# A student of ${teacher}`,
    `Made with VDMini Studio. ${cut}${dropped.length > 0 ? `: ${dropped.map((id) => `\`${id}\``).join(', ')}` : ''}. ${made}`.trim(),
    ...(card === '' ? [] : [`What follows is the teacher's card: **its figures and pictures are not this model's.**`]),
  ];
  return `${front}${about.join('\n\n')}\n\n${card.slice(front.length)}`;
}
