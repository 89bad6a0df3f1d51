import { Fd, Inode, type Loc } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';

/**
 * A request as a line of a log shows it: files by gfid, names as they are, numbers as they are, and of bytes and attributes
 * only how many or which, since a log is no place for anyone's data.
 */
export function describe(request: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(request)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, describeValue(value)]),
  );
}

function describeValue(value: unknown): unknown {
  if (value instanceof Fd) return value.inode.toString();
  if (value instanceof Dict) return [...value.names()];
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `${value.length} parts`;
  if (isLoc(value)) return value.name === undefined ? `${value.inode}` : `${value.parent}/${value.name}`;
  if (typeof value === 'object') return undefined;
  return value;
}

function isLoc(value: unknown): value is Loc {
  return (value as Partial<Loc> | null)?.inode instanceof Inode;
}
