import { describe, expect, test } from 'vitest';
import { newLkOwner } from '../../../../src/graph/index.ts';
import { EntryLockCommand, EntryLockType, LockCommand, LockType } from '../../../../src/protocol/messages.ts';
import { flockOf, LockedFile, ownerText } from '../../../helpers/lock-clients.ts';
import { waitUntil } from '../../../helpers/wait.ts';

const TYPE = 'disperse 4+2';

function everywhere(...locks: string[]): string[][] {
  return Array.from({ length: 6 }, () => locks);
}

describe('POSIX locks of applications', () => {
  test('are on all bricks, and go from all of them by unlock, flush and release', async () => {
    await using file = await LockedFile.start(TYPE);
    const client = await file.client();
    const fd = await client.open(file.inode);
    const owner = newLkOwner();
    const name = ownerText(owner);
    await client.lock(fd, { owner, start: 0n, length: 100n });
    expect(await file.grantedOnAll()).toEqual(everywhere(`${name} w 0+100`));
    await client.unlock(fd, { owner, start: 40n, length: 60n });
    expect(await file.grantedOnAll()).toEqual(everywhere(`${name} w 0+40`));
    await client.top.flush({ fd }, { ...client.context, lkOwner: owner });
    expect(await file.grantedOnAll()).toEqual(everywhere());
    await client.lock(fd, { owner, type: LockType.READ });
    await client.top.release({ fd }, client.context);
    expect(await file.grantedOnAll()).toEqual(everywhere());
    expect(client.book.held.empty).toBe(true);
  });

  test('of one client refuse those of another, and tell whose they are', async () => {
    await using file = await LockedFile.start(TYPE);
    const [one, other] = [await file.client(), await file.client()];
    const fds = [await one.open(file.inode), await other.open(file.inode)] as const;
    const owners = [newLkOwner(), newLkOwner()] as const;
    await one.lock(fds[0], { owner: owners[0], start: 5n, length: 5n });
    await expect(other.lock(fds[1], { owner: owners[1] })).rejects.toMatchObject({ code: 'EAGAIN' });
    expect(await other.probe(fds[1], { owner: owners[1] })).toMatchObject({ start: 5n, length: 5n });
    const waiting = other.lock(fds[1], { owner: owners[1], wait: true });
    await one.unlock(fds[0], { owner: owners[0] });
    await waiting;
    expect(await file.grantedOnAll()).toEqual(everywhere(`${ownerText(owners[1])} w 0+0`));
  });

  test('bricks that come back get them before they take part', async () => {
    await using file = await LockedFile.start(TYPE);
    const client = await file.client();
    const fd = await client.open(file.inode);
    const owner = newLkOwner();
    await client.lock(fd, { owner });
    for (const index of [1, 4]) await file.bricks[index]!.kill();
    await client.sees(0b101101);
    for (const index of [1, 4]) await file.bricks[index]!.restart();
    await client.sees(0b111111);
    await file.observer.sees(0b111111);
    expect(await file.grantedOnAll()).toEqual(everywhere(`${ownerText(owner)} w 0+0`));
    expect(fd.poisoned).toBeUndefined();
  });

  test('too few bricks hold one for a moment: nobody else wanted it, and it is taken again', async () => {
    await using file = await LockedFile.start(TYPE);
    const client = await file.client();
    const fd = await client.open(file.inode);
    const owner = newLkOwner();
    await client.lock(fd, { owner });
    for (const index of [0, 1, 2]) client.cut(index);
    const another = await file.client();
    const theirs = await another.open(file.inode);
    const name = `${ownerText(owner)} w 0+0`;
    await waitUntil(async () => (await file.grantedOnAll()).every(([lock]) => lock === name), {
      what: 'the lock to be on all bricks again',
    });
    expect(fd.poisoned).toBeUndefined();
    await expect(another.lock(theirs, { owner: newLkOwner() })).rejects.toMatchObject({ code: 'EAGAIN' });
  });

  test('setactivelk is refused', async () => {
    await using file = await LockedFile.start(TYPE);
    const client = await file.client();
    const refused = client.top.setactivelk({ loc: { inode: file.inode }, locks: [] }, client.context);
    await expect(refused).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
    const { locks } = await client.top.getactivelk({ loc: { inode: file.inode } }, client.context);
    expect(locks).toEqual([]);
  });
});

describe('locks of translators above', () => {
  test('are on all bricks: who comes second is refused, or waits', async () => {
    await using file = await LockedFile.start(TYPE);
    const [one, other] = [await file.client(), await file.client()];
    const loc = { inode: file.inode };
    const lock = (client: typeof one, command: number, type: number) =>
      client.top.inodelk(
        { loc, command, type, flock: flockOf(client.context.lkOwner, type), domain: 'above' },
        client.context,
      );
    await lock(one, LockCommand.SET, LockType.WRITE);
    await expect(lock(other, LockCommand.SET, LockType.WRITE)).rejects.toMatchObject({ code: 'EAGAIN' });
    const waiting = lock(other, LockCommand.SET_WAIT, LockType.WRITE);
    await lock(one, LockCommand.SET, LockType.UNLOCK);
    await waiting;
    await expect(lock(one, LockCommand.SET, LockType.WRITE)).rejects.toMatchObject({ code: 'EAGAIN' });
    await lock(other, LockCommand.SET, LockType.UNLOCK);
  });

  test('names: the same', async () => {
    await using file = await LockedFile.start(TYPE);
    const [one, other] = [await file.client(), await file.client()];
    const lock = (client: typeof one, command: number) =>
      client.top.entrylk(
        {
          loc: { inode: file.root() },
          command,
          type: EntryLockType.WRITE,
          namelen: 1,
          name: 'n',
          domain: 'above',
        },
        client.context,
      );
    await lock(one, EntryLockCommand.LOCK_NONBLOCKING);
    const refused = lock(other, EntryLockCommand.LOCK_NONBLOCKING);
    await expect(refused).rejects.toMatchObject({ code: 'EAGAIN' });
    await lock(one, EntryLockCommand.UNLOCK);
    await lock(other, EntryLockCommand.LOCK_NONBLOCKING);
  });
});
