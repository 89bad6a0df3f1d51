import type { Dict, DictEntry } from '../../../../protocol/dict.ts';
import { PENDING_PREFIX } from '../changelog.ts';
import type { Examined } from './examine.ts';

/** Namespaces of attributes that are on disk; others are answers to questions. */
const NAMESPACES = ['trusted.', 'system.', 'user.', 'security.'];

/** Each copy's own: its marks, its identity, labels of its host, sums of its quota. */
const OWN = new Set([
  'security.selinux',
  'trusted.glusterfs.quota.size',
  'trusted.gfid',
  'trusted.glusterfs.volume-id',
]);
const OWN_PREFIXES = [PENDING_PREFIX, 'trusted.gfid2path.'];

/** Whether an extended attribute must be the same on all copies. */
export function isShared(name: string): boolean {
  return (
    NAMESPACES.some((prefix) => name.startsWith(prefix)) &&
    !OWN.has(name) &&
    !OWN_PREFIXES.some((prefix) => name.startsWith(prefix))
  );
}

/** Type, permissions, owner and shared attributes. Times and sizes are not compared: they follow data. */
export function sameMetadata(a: Examined, b: Examined): boolean {
  return (
    a.stat.mode === b.stat.mode &&
    a.stat.uid === b.stat.uid &&
    a.stat.gid === b.stat.gid &&
    sameAttributes(a.xdata, b.xdata)
  );
}

function sameAttributes(a: Dict, b: Dict): boolean {
  const names = new Set([...a.names(), ...b.names()].filter(isShared));
  return [...names].every((name) => sameEntry(a.entry(name), b.entry(name)));
}

export function sameEntry(a: DictEntry | undefined, b: DictEntry | undefined): boolean {
  return a !== undefined && b !== undefined && fingerprint(a) === fingerprint(b);
}

function fingerprint({ type, value }: DictEntry): string {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('latin1')}`;
  if (typeof value !== 'object') return `${type} ${value}`;
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `${each}` : each));
}
