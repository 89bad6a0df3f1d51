import {
  type BigIntStats,
  chmodSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
} from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import { S_IFLNK, S_IFMT } from '../../../protocol/iatt.ts';
import type { Place, RawEntry, Syscalls } from '../../../syscalls.ts';
import { decodeText, encodeText } from '../../../xdr/index.ts';
import type { AttributeStore, Ownership } from './attribute-store.ts';
import { hostErrno } from './host-error.ts';

const ENODATA = 61;
const flags = { create: 1, replace: 2 } as const;

/** Attributes, owners and kinds where the host keeps them: on the files. */
export class XattrStore implements AttributeStore {
  readonly kind = 'xattr';

  constructor(private readonly host: Syscalls) {}

  get(place: Place, name: string): Buffer | undefined {
    try {
      return this.host.getxattr(place, encodeText(name));
    } catch (error) {
      if (hostErrno(error) === ENODATA) return undefined;
      throw error;
    }
  }

  set(place: Place, name: string, value: Uint8Array, how?: 'create' | 'replace'): void {
    this.host.setxattr(place, encodeText(name), value, how === undefined ? 0 : flags[how]);
  }

  remove(place: Place, name: string): void {
    this.host.removexattr(place, encodeText(name));
  }

  list(place: Place): string[] {
    return this.host.listxattr(place).map(decodeText);
  }

  stat(place: Place): BigIntStats {
    return hostStat(place);
  }

  own(place: Place, ownership: Ownership): void {
    ownOnHost(place, ownership);
  }

  mknod(path: Buffer, mode: number, device: bigint): void {
    this.host.mknod(path, mode, device);
  }

  forget(): void {}

  forgetLater(): () => void {
    return () => {};
  }

  /** The host has no such step. What is set by it is a new file's, which nobody sees yet. */
  together<T>(act: () => T): T {
    return act();
  }

  typeOf(entry: RawEntry): number {
    return entry.type;
  }
}

/** lstat(2), fstat(2). */
export function hostStat(place: Place): BigIntStats {
  return typeof place === 'number'
    ? fstatSync(place, { bigint: true })
    : lstatSync(place as Buffer, { bigint: true });
}

/** lchown(2), then chmod(2): the other way round the host would take setuid and setgid away again. */
export function ownOnHost(place: Place, { mode, uid = -1, gid = -1 }: Ownership): void {
  if (uid !== -1 || gid !== -1) {
    if (typeof place === 'number') fchownSync(place, uid, gid);
    else lchownSync(place as Buffer, uid, gid);
  }
  if (mode === undefined) return;
  if (typeof place === 'number') fchmodSync(place, mode);
  else chmodPath(place as Buffer, mode);
}

function chmodPath(path: Buffer, mode: number): void {
  if ((Number(hostStat(path).mode) & S_IFMT) === S_IFLNK)
    throw new GlfsError('EOPNOTSUPP', 'symbolic links have no permissions');
  chmodSync(path, mode);
}
