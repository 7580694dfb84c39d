/** Block ids of the command line: separated by commas, which an id may hold itself, as names of modules may. */

/**
 * `known` are the model's ids. A part in double quotes is one id (`"a,b",c`); else the longest run of parts that is a
 * known id is one. A part that is none stays as it is, for whoever looks the ids up to refuse by name.
 */
export function readBlockIds(values: readonly string[], known: ReadonlySet<string>): string[] {
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

function joined(list: readonly Part[], known: ReadonlySet<string>): string[] {
  const ids: string[] = [];
  for (let start = 0; start < list.length; ) {
    const end = list.findIndex(({ quoted }, i) => i >= start && quoted);
    let length = list[start]!.quoted ? 1 : (end < 0 ? list.length : end) - start;
    const text = (count: number) =>
      list
        .slice(start, start + count)
        .map((part) => part.text)
        .join(',');
    while (length > 1 && !known.has(text(length).trim())) length--;
    ids.push(list[start]!.quoted ? text(1) : text(length).trim());
    start += length;
  }
  return ids;
}
