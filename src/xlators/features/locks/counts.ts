import type { DirectoryEntry, Fd, FopFunction, Loc, Reply, Request } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { type FopName, fops } from '../../../protocol/fops.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import { keys } from '../../../protocol/keys.ts';
import type { LockTable } from './lock-table.ts';

/** With it, each `glusterfs.inodelk-dom-prefix:DOMAIN` asks for, and is answered with, the inodelks of a domain. */
export const MANY_DOMAINS = 'glusterfs.multi-dom-lk-cnt-req';
const DOMAIN_PREFIX = 'glusterfs.inodelk-dom-prefix';

const wishes = [
  keys.inodelkCount,
  keys.inodelkDomainCount,
  keys.entrylkCount,
  keys.posixlkCount,
  keys.parentEntrylk,
];

/** What a call wants to know of locks, beside what it does. */
interface Wanted {
  readonly inodelks: boolean;
  readonly entrylks: boolean;
  readonly posix: boolean;
  readonly nameLocked: boolean;
  readonly domain: string | undefined;
  /** Keys of `DOMAIN_PREFIX:DOMAIN`. */
  readonly domains: readonly string[];
}

/** Calls whose replies carry counts of locks; GlusterFS's other calls hand the wish on, and nobody answers it. */
const counted = new Set<FopName>([
  'lookup',
  'stat',
  'fstat',
  'access',
  'readlink',
  'statfs',
  'create',
  'mknod',
  'symlink',
  'link',
  'unlink',
  'rmdir',
  'rename',
  'opendir',
  'read',
  'write',
  'flush',
  'fsync',
  'fsyncdir',
  'fallocate',
  'seek',
  'rchecksum',
  'setattr',
  'fsetattr',
  'setxattr',
  'fsetxattr',
  'removexattr',
  'fremovexattr',
  'xattrop',
  'fxattrop',
  'readdir',
  'readdirp',
]);

/** Wraps a fop so that its reply says what its xdata asked for of locks. */
export function withCounts<K extends FopName>(
  fop: K,
  next: FopFunction<K>,
  table: LockTable,
): FopFunction<K> {
  if (!counted.has(fop)) return next;
  return async (request, context) => {
    const taken = takeWishes(request.xdata);
    if (taken === undefined) return next(request, context);
    const { wanted, xdata } = taken;
    const reply = await next({ ...request, xdata }, context);
    return { ...reply, ...answerTo(fop, request, reply, wanted, table) };
  };
}

function answerTo(fop: FopName, request: object, reply: object, wanted: Wanted, table: LockTable): object {
  const xdata = (reply as { xdata?: Dict }).xdata?.clone() ?? new Dict();
  for (const gfid of subjects(fop, request, reply)) tellAbout(table, gfid, xdata, wanted);
  if (fop === 'lookup') {
    const { parent, name } = (request as Request<'lookup'>).loc;
    if (parent !== undefined) tellName(table, parent.gfid, name, xdata, wanted);
  }
  if (fop !== 'readdirp') return { xdata };
  const { gfid } = (request as Request<'readdirp'>).fd.inode;
  const { entries } = reply as Reply<'readdirp'>;
  return { xdata, entries: entries.map((entry) => tellEntry(table, gfid, entry, wanted)) };
}

/** The wishes of a call, and its xdata without them: whoever is below can't answer them. */
function takeWishes(xdata: Dict | undefined): { wanted: Wanted; xdata: Dict } | undefined {
  if (xdata === undefined) return undefined;
  const wanted: Wanted = {
    inodelks: xdata.has(keys.inodelkCount),
    entrylks: xdata.has(keys.entrylkCount),
    posix: xdata.has(keys.posixlkCount),
    nameLocked: xdata.has(keys.parentEntrylk),
    domain: xdata.get(keys.inodelkDomainCount),
    domains: xdata.has(MANY_DOMAINS)
      ? [...xdata.names()].filter((name) => name.startsWith(DOMAIN_PREFIX))
      : [],
  };
  const { inodelks, entrylks, posix, nameLocked, domain, domains } = wanted;
  const many = xdata.has(MANY_DOMAINS);
  if (!inodelks && !entrylks && !posix && !nameLocked && !many && domain === undefined) return undefined;
  const rest = xdata.clone();
  for (const key of wishes) rest.delete(key);
  for (const name of [MANY_DOMAINS, ...domains]) rest.delete(name);
  return { wanted, xdata: rest };
}

/** The files whose locks are counted: calls on entries tell of their directories, calls by gfid alone of nothing. */
function subjects(fop: FopName, request: object, reply: object): Gfid[] {
  if (fop === 'lookup') return [(reply as Reply<'lookup'>).stat.gfid];
  const { fd, loc, newLoc } = request as { fd?: Fd; loc?: Loc; newLoc?: Loc };
  if (fop === 'create') return [(reply as Reply<'create'>).stat.gfid];
  if (fd !== undefined) return [fd.inode.gfid];
  const parents = [loc?.parent, newLoc?.parent];
  // A parent beside a call by gfid is the client's own knowledge; a brick never has it.
  if (fops[fop].traits.entry !== true) return [];
  return parents.flatMap((parent) => (parent === undefined ? [] : [parent.gfid]));
}

/** Of two directories the one with more locks counts. */
function tellAbout(table: LockTable, gfid: Gfid, answer: Dict, wanted: Wanted): void {
  const file = table.find(gfid);
  const tell = (name: string, count: number): void => {
    const before = answer.entry(name);
    const told = before?.type === 'int' ? Number(before.value) : -1;
    if (count > told) answer.setEntry(name, { type: 'int', value: BigInt(count) });
  };
  if (wanted.entrylks) tell(keys.entrylkCount.name, file?.entrylkCount() ?? 0);
  // The count of all domains includes that of one.
  if (wanted.domain !== undefined) tell(keys.inodelkCount.name, file?.inodelkCount(wanted.domain) ?? 0);
  if (wanted.inodelks) tell(keys.inodelkCount.name, file?.inodelkCount() ?? 0);
  if (wanted.posix) tell(keys.posixlkCount.name, file?.posix.count ?? 0);
  for (const name of wanted.domains) {
    const colon = name.indexOf(':');
    if (colon >= 0 && colon < name.length - 1) tell(name, file?.inodelkCount(name.slice(colon + 1)) ?? 0);
  }
}

function tellName(
  table: LockTable,
  directory: Gfid,
  name: string | undefined,
  answer: Dict,
  wanted: Wanted,
): void {
  if (!wanted.nameLocked || name === undefined || name === '') return;
  answer.set(keys.parentEntrylk, table.find(directory)?.hasNameLocked(name) === true ? 1 : 0);
}

function tellEntry(table: LockTable, directory: Gfid, entry: DirectoryEntry, wanted: Wanted): DirectoryEntry {
  const xdata = entry.xdata?.clone() ?? new Dict();
  tellName(table, directory, entry.name, xdata, wanted);
  if (entry.stat !== undefined) tellAbout(table, entry.stat.gfid, xdata, wanted);
  return { ...entry, xdata };
}
