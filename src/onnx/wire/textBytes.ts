/**
 * Text as protobuf bytes that loses nothing. Old exporters write names that are no UTF-8 (Latin-1, cut in the middle of
 * a letter); decoded the usual way such bytes all become U+FFFD, so that two names turn into one. Here a byte that is
 * no UTF-8 becomes the lone surrogate U+DC00 + byte, and that byte again when written (Python's `surrogateescape`).
 * Importing this file makes the protobuf library do so.
 */
import { configureTextEncoding } from '@bufbuild/protobuf/wire';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const ESCAPE = 0xdc00;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Never throws; `encodeText` gives the same bytes again. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodeEscaping(bytes); // told by the escapes themselves: nothing is lost
  }
}

function decodeEscaping(bytes: Uint8Array): string {
  const parts: string[] = [];
  let validFrom = 0;
  const flush = (end: number): void =>
    void (end > validFrom && parts.push(strict.decode(bytes.subarray(validFrom, end))));
  for (let at = 0; at < bytes.length; ) {
    const length = letterLength(bytes, at);
    if (length === 0) {
      flush(at);
      parts.push(String.fromCharCode(ESCAPE + (bytes[at] ?? 0)));
      validFrom = at + 1;
    }
    at += length || 1;
  }
  flush(bytes.length);
  return parts.join('');
}

/** Bytes of the UTF-8 letter that begins here; 0 where none does (RFC 3629, table in section 4). */
function letterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  const second = bytes[at + 1] ?? 0;
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (length === 0 || second < lowest || second > highest) return 0;
  for (let i = 2; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  if (!LONE_SURROGATE.test(text)) return encoder.encode(text);
  const bytes = new Uint8Array(3 * text.length);
  let length = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0) ?? 0;
    if (code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff) bytes[length++] = code - ESCAPE;
    else length += encoder.encodeInto(letter, bytes.subarray(length)).written;
  }
  return bytes.slice(0, length);
}

configureTextEncoding({ encodeUtf8: encodeText, decodeUtf8: decodeText, checkUtf8: () => true });
