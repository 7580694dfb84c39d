/**
 * Plans as text: the comma list of an address, of a command line, and the JSON of a plan file. Reads ids and judges
 * none: whether the open model has them is for `plan` to say.
 */
import { StudioError } from '../errors/StudioError';
import type { Plan } from './plan';

/** For an address: ids by percent-encoding, a comma between two. Slashes and dots stay readable. */
export function planToAddress({ dropped }: Plan): string {
  return dropped.map((id) => encodeURIComponent(id).replaceAll('%2F', '/')).join(',');
}

/** `text` as it stands in the address: a comma in an id is written as %2C, one between ids as itself. */
export function planFromAddress(text: string): Plan {
  return {
    dropped: text
      .split(',')
      .map(decoded)
      .filter((id) => id !== ''),
  };
}

/** As URLSearchParams decodes: `+` is a space, and a lone % stays. */
function decoded(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** For `--drop`: what `readBlockIds` reads back, whatever ids the model has. */
export function planToOption({ dropped }: Plan): string {
  return dropped.map((id) => (/[",]|^\s|\s$/.test(id) ? `"${id.replaceAll('"', '""')}"` : id)).join(',');
}

/**
 * Block ids of the command line. `known` are the model's ids. A part in double quotes is one id (`"a,b",c`); else the
 * longest run of parts that is a known id is one. A part that is none stays as it is, for whoever looks the ids up to
 * refuse by name.
 */
export function readBlockIds(values: readonly string[], known: { has(id: string): boolean }): string[] {
  return values.flatMap((value) => (known.has(value) ? [value] : joined(parts(value), known)));
}

interface Part {
  readonly text: string;
  readonly quoted: boolean;
}

function parts(value: string): readonly Part[] {
  return [...value.matchAll(/\s*"((?:[^"]|"")*)"\s*(?=,|$)|([^,]+)/g)]
    .map(([, quoted, plain]) =>
      quoted === undefined
        ? { text: plain ?? '', quoted: false }
        : { text: quoted.replaceAll('""', '"'), quoted: true },
    )
    .filter(({ text, quoted }) => quoted || text.trim() !== '');
}

function joined(list: readonly Part[], known: { has(id: string): boolean }): string[] {
  const ids: string[] = [];
  let rest = list;
  for (let first = rest[0]; first !== undefined; first = rest[0]) {
    const nextQuoted = rest.findIndex(({ quoted }) => quoted);
    let length = first.quoted ? 1 : rest.slice(0, nextQuoted < 0 ? undefined : nextQuoted).length;
    const run = () =>
      rest
        .slice(0, length)
        .map(({ text }) => text)
        .join(',');
    while (length > 1 && !known.has(run().trim())) length--;
    ids.push(first.quoted ? first.text : run().trim());
    rest = rest.slice(length);
  }
  return ids;
}

/** A plan file; `about` says where it came from. */
export function writePlanFile({ dropped }: Plan, about: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ format: 'vdmini-plan', ...about, dropped }, null, 2)}\n`;
}

/**
 * The studio's own plan file (`{ "dropped": [...] }`, other fields ignored), a report that holds one
 * (`{ "plan": { "dropped": [...] } }`), or a bare list of ids. Throws `library/invalid-config`.
 */
export function readPlanFile(text: string, fileName: string): Plan {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new StudioError('library/invalid-config', `${fileName} is not JSON.`, { file: fileName }, { cause });
  }
  const holder = parsed as { dropped?: unknown; plan?: { dropped?: unknown } } | null;
  const ids = Array.isArray(parsed) ? parsed : (holder?.dropped ?? holder?.plan?.dropped);
  if (!isIds(ids))
    throw new StudioError('library/invalid-config', `${fileName} has no list "dropped" of block ids.`, {
      file: fileName,
    });
  return { dropped: ids };
}

/** Of anything read from a file or from storage. */
export function isPlan(value: unknown): value is Plan {
  return isIds((value as { dropped?: unknown } | null | undefined)?.dropped);
}

const isIds = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((id) => typeof id === 'string');
