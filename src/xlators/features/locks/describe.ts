import { gfidToString } from '../../../protocol/gfid.ts';
import type { FileLocks } from './file-locks.ts';
import type { Owner } from './owner.ts';
import { lengthOf } from './range.ts';

function who({ client, bytes, pid }: Owner): Record<string, unknown> {
  return { client: client?.id, owner: Buffer.from(bytes).toString('hex'), pid };
}

/** The locks of a file as the state dump shows them; numbers are decimal text, since they exceed 2^53. */
export function describeFile(file: FileLocks): Record<string, unknown> {
  const ranged = (range: { start: bigint; end: bigint }) => ({
    start: String(range.start),
    length: String(lengthOf(range)),
  });
  const domains = [...file.domains.values()].map(({ name, inodeLocks, entryLocks }) => ({
    domain: name,
    inodelks: [...inodeLocks.held, ...inodeLocks.blocked].map((lock) => ({
      state: inodeLocks.held.includes(lock) ? 'active' : 'blocked',
      type: lock.write ? 'write' : 'read',
      ...ranged(lock),
      ...who(lock.owner),
    })),
    entrylks: [...entryLocks.held, ...entryLocks.blocked].map((lock) => ({
      state: entryLocks.held.includes(lock) ? 'active' : 'blocked',
      name: lock.name,
      ...who(lock.owner),
    })),
  }));
  const describe = (state: string) => (segment: FileLocks['posix']['held'][number]) => ({
    state,
    type: ['read', 'write'][segment.type],
    ...ranged(segment),
    ...who(segment.owner),
  });
  const posixlks = [
    ...file.posix.held.map(describe('active')),
    ...file.posix.wanted.map(describe('blocked')),
  ];
  return { gfid: gfidToString(file.gfid), domains, posixlks };
}
