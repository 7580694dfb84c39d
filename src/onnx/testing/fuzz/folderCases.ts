/** Pipeline folders for the fuzzer: the texts of real ones (diffusers' own, src/pipeline/fixtures), one file of them damaged. */
import pipelines from '../../../pipeline/fixtures/pipelines.json';
import tokenizers from '../../../pipeline/fixtures/tokenizers.json';
import { mutateJson } from './mutateJson';
import type { Random } from './random';

/** What `openFolderTexts` opens. */
export interface FolderTexts {
  /** JSON, as text: what is nested deep does not cross between processes otherwise. */
  readonly files: Readonly<Record<string, string>>;
  readonly prompt: string;
}

interface Recorded {
  readonly files: Readonly<Record<string, object | number>>;
}

const prompts = [
  'a red apple',
  '',
  'a'.repeat(3000),
  ' '.repeat(3000),
  '\ud800\u0000\u202e',
  '<|endoftext|>'.repeat(50),
];

export function folderCase(random: Random): { readonly label: string; readonly folder: FolderTexts } {
  const { files: recorded } = random.pick(pipelines.cases as unknown as readonly Recorded[]);
  const texts: Record<string, unknown> = Object.fromEntries(
    Object.entries(recorded).map(([path, file]) => [
      path,
      typeof file === 'number' ? pipelines.tokenizers[file] : file,
    ]),
  );
  const tokenizer = Object.keys(texts).find((path) => path.endsWith('tokenizer.json'));
  if (tokenizer !== undefined && random.chance(0.3)) texts[tokenizer] = random.pick(tokenizers).tokenizer;
  const { vae: _, ...index } = texts['model_index.json'] as Record<string, unknown>;
  texts['model_index.json'] = index;
  const paths = Object.keys(texts);
  // the tokenizer is somebody else's program: it gets half of the damage
  const path = tokenizer !== undefined && random.chance(0.5) ? tokenizer : random.pick(paths);
  texts[path] = mutateJson(texts[path], random);
  const files = Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, textOf(value)]));
  return { label: path, folder: { files, prompt: random.pick(prompts) } };
}

/** What is nested too deep to be written becomes a text that is nested too deep to be read. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch (thrown) {
    if (thrown instanceof RangeError) return '['.repeat(1e5);
    throw thrown;
  }
}
