import { GlfsError } from '../errors.ts';
import { decodeText, encodeText } from '../xdr/index.ts';
import type { Path } from './types.ts';

export interface ParsedPath {
  readonly absolute: boolean;
  /** Names in order; empty ones are left out, `.` and `..` are not. */
  readonly names: readonly string[];
  /** Ends in `/`: what it names must be a directory. */
  readonly trailing: boolean;
}

/** @throws GlfsError ENOENT for an empty path, EINVAL for a NUL. The length of names is the graph's to check. */
export function parsePath(path: Path): ParsedPath {
  const text = nameOf(path);
  if (text === '') throw new GlfsError('ENOENT', 'the path is empty');
  const names = text.split('/').filter((name) => name !== '');
  if (text.includes('\0')) throw new GlfsError('EINVAL', 'the path holds a NUL');
  return { absolute: text.startsWith('/'), names, trailing: text.endsWith('/') && names.length > 0 };
}

/** The text of a name that is given as text or bytes. */
export function nameOf(name: Path): string {
  return typeof name === 'string' ? name : decodeText(name);
}

/** A name, link target or path as the caller wants it. */
export function inEncoding(text: string, encoding: 'buffer' | 'utf8' | undefined): string | Buffer {
  return encoding === 'buffer' ? Buffer.from(encodeText(text)) : text;
}
