/** What the operating system says of a file, as the studio's errors. */
import { type ErrorCode, StudioError } from '../errors/StudioError';

const writeCodes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'library/quota',
  EDQUOT: 'library/quota',
  EFBIG: 'library/quota',
  EACCES: 'library/write-refused',
  EPERM: 'library/write-refused',
  EROFS: 'library/write-refused',
};

/** What was thrown while `path` was written: an error of the system as `library/quota`, `write-refused` or `write-failed`. */
export function writeError(thrown: unknown, path: string): unknown {
  if (!isSystemError(thrown)) return thrown;
  const code = writeCodes[thrown.code] ?? 'library/write-failed';
  return new StudioError(
    code,
    `${path} cannot be written: ${thrown.message}.`,
    { path, system: thrown.code },
    { cause: thrown },
  );
}

/** What was thrown while `path` was read: an error of the system as `library/missing-file` or `library/read-failed`. */
export function readError(thrown: unknown, path: string): unknown {
  if (!isSystemError(thrown)) return thrown;
  const code = thrown.code === 'ENOENT' ? 'library/missing-file' : 'library/read-failed';
  return new StudioError(
    code,
    `${path} cannot be read: ${thrown.message}.`,
    { path, system: thrown.code },
    { cause: thrown },
  );
}

function isSystemError(thrown: unknown): thrown is Error & { readonly code: string } {
  return (
    thrown instanceof Error &&
    !(thrown instanceof StudioError) &&
    'syscall' in thrown &&
    typeof (thrown as { code?: unknown }).code === 'string'
  );
}
