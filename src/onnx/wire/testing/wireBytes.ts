/** Protobuf fields by hand, for files that no library would write. */

/** Concatenates. */
export const bytesOf = (...parts: readonly (Uint8Array | readonly number[] | string)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...(typeof part === 'string' ? new TextEncoder().encode(part) : part)]));

export function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

/** A length-delimited field; `claimed` is the length it says it has. */
export function field(number: number, content: Uint8Array | readonly number[] | string, claimed?: number): Uint8Array {
  const bytes = bytesOf(content);
  return bytesOf(varint(number * 8 + 2), varint(claimed ?? bytes.length), bytes);
}

/** A varint field. */
export const number = (fieldNumber: number, value: number): Uint8Array =>
  bytesOf(varint(fieldNumber * 8), varint(value));
