import { describe, expect, test } from 'vitest';
import { newLkOwner } from '../../../../src/graph/index.ts';
import { LockType } from '../../../../src/protocol/messages.ts';
import { LockedFile, ownerText } from '../../../helpers/lock-clients.ts';
import { waitUntil } from '../../../helpers/wait.ts';

async function heldOn(file: LockedFile, index: number, ...locks: string[]): Promise<void> {
  await waitUntil(async () => (await file.granted(index)).join() === locks.join(), {
    what: `${locks.join()} on copy ${index}`,
  });
}

describe('a copy that comes back', () => {
  test('has all locks before it takes part, and only those that are still held', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    const [first, second] = [newLkOwner(), newLkOwner()];
    await client.lock(fd, { owner: first, type: LockType.READ, start: 0n, length: 10n });
    await client.lock(fd, { owner: second, type: LockType.READ, start: 5n, length: 10n });
    for (const brick of file.bricks) {
      await brick.kill();
      await client.sees(0b111 & ~(1 << brick.index));
      await client.unlock(fd, { owner: second, start: 12n, length: 1n });
      await brick.restart();
      await client.sees(0b111);
      await file.observer.sees(0b111);
      expect(await file.granted(brick.index)).toEqual([
        `${ownerText(first)} r 0+10`,
        `${ownerText(second)} r 13+2`,
        `${ownerText(second)} r 5+7`,
      ]);
    }
    expect(fd.poisoned).toBe(undefined);
    expect(client.events.filter(({ kind }) => kind === 'locks-lost')).toEqual([]);
  });

  test('with another client on it is asked again, while the others hold the lock', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const rival = await file.client();
    const [fd, theirs] = [await client.open(file.inode), await rival.open(file.inode)];
    const [owner, other] = [newLkOwner(), newLkOwner()];
    const mine = `${ownerText(owner)} w 0+0`;
    await client.lock(fd, { owner });
    let got = false;
    const waiting = rival.lock(theirs, { owner: other, wait: true }).then(() => {
      got = true;
    });
    // The rival stands first in the queue of the first copy.
    client.cut(0);
    await heldOn(file, 0, `${ownerText(other)} w 0+0`);
    await client.sees(0b110);
    await client.sees(0b111);
    expect(await file.granted(1)).toEqual([mine]);
    expect(fd.poisoned).toBe(undefined);
    expect(got).toBe(false);
    // A later lock is refused by that copy for all, and changes nothing in what is held.
    await expect(client.lock(fd, { owner, type: LockType.READ })).rejects.toMatchObject({ code: 'EAGAIN' });
    expect(await file.granted(1)).toEqual([mine]);
    await client.unlock(fd, { owner });
    await waiting;
    for (const index of [0, 1, 2]) expect(await file.granted(index)).toEqual([`${ownerText(other)} w 0+0`]);
  });

  test('gets the lock later where it was refused at first', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    const [owner, other] = [newLkOwner(), newLkOwner()];
    await client.lock(fd, { owner, start: 0n, length: 10n });
    // Refused once, by whatever is the matter with it.
    const fault = await file.bricks[1]!.fault({ fop: 'lk', action: 'fail', errno: 'EAGAIN' });
    client.cut(1);
    await client.sees(0b101);
    await client.sees(0b111);
    expect(await fault.acted()).toBe(1);
    expect(fd.poisoned).toBe(undefined);
    await heldOn(file, 1, `${ownerText(owner)} w 0+10`);
    await expect(file.lockOn(1, { owner: other })).rejects.toMatchObject({ code: 'EAGAIN' });
  });
});

describe('a copy that does not answer when it is asked for the locks', () => {
  test('takes part after a while; what a quorum holds is held', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    const owner = newLkOwner();
    await client.lock(fd, { owner });
    client.book.patience = 300;
    await file.bricks[2]!.fault({ fop: 'lk', action: 'hang', times: 1000 });
    client.cut(2);
    await client.sees(0b011);
    await client.sees(0b111);
    expect(fd.poisoned).toBe(undefined);
    expect([...client.book.all()].map(({ lock }) => [...lock.on])).toEqual([['r-client-0', 'r-client-1']]);
    await file.bricks[2]!.clearFaults();
    client.cut(2);
    await client.sees(0b011);
    await client.sees(0b111);
    expect([...client.book.all()].map(({ lock }) => lock.on.size)).toEqual([3]);
  });

  test('takes locks with it that no quorum holds', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const [fd, free] = [await client.open(file.inode), await client.open(file.inode)];
    await client.lock(fd, { owner: newLkOwner() });
    client.book.patience = 300;
    await file.bricks[2]!.kill();
    await client.sees(0b011);
    await file.bricks[1]!.fault({ fop: 'lk', action: 'hang', times: 1000 });
    client.cut(1);
    await client.sees(0b001);
    await client.sees(0b011);
    expect(fd.poisoned).toMatchObject({ code: 'EBADFD' });
    expect(free.poisoned).toBe(undefined);
  });
});

describe('a lock that too few copies held for a while', () => {
  test('is taken again where nobody has got it', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    const owner = newLkOwner();
    await client.lock(fd, { owner });
    await Promise.all(file.bricks.map((brick) => brick.kill()));
    await client.sees(0);
    expect([...client.book.all()]).toMatchObject([{ lock: { interrupted: true } }]);
    await Promise.all(file.bricks.map((brick) => brick.restart()));
    await client.sees(0b111);
    await file.observer.sees(0b111);
    for (const index of [0, 1, 2]) expect(await file.granted(index)).toEqual([`${ownerText(owner)} w 0+0`]);
    expect([...client.book.all()]).toMatchObject([{ lock: { interrupted: false } }]);
    expect(fd.poisoned).toBe(undefined);
  });

  test('poisons the fd where another client has it by then; other fds go on', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const rival = await file.client();
    const [fd, apart, theirs] = [
      await client.open(file.inode),
      await client.open(file.inode),
      await rival.open(file.inode),
    ];
    const [owner, second, other] = [newLkOwner(), newLkOwner(), newLkOwner()];
    await client.lock(fd, { owner, start: 0n, length: 10n });
    await client.lock(apart, { owner: second, start: 90n, length: 10n });
    const waiting = rival.lock(theirs, { owner: other, start: 0n, length: 10n, wait: true });
    for (const index of [0, 1, 2]) client.cut(index);
    await waiting;
    await client.sees(0);
    await client.sees(0b111);
    expect(fd.poisoned).toMatchObject({ code: 'EBADFD', cause: { code: 'EAGAIN' } });
    expect(apart.poisoned).toBe(undefined);
    expect(client.events.filter(({ kind }) => kind === 'locks-lost')).toMatchObject([
      { gfid: file.inode.gfid, reason: { code: 'EBADFD' } },
    ]);
    const locks = [`${ownerText(other)} w 0+10`, `${ownerText(second)} w 90+10`].sort();
    for (const index of [0, 1, 2]) expect(await file.granted(index)).toEqual(locks);
  });

  test('is lost at once with strict-locks, but not by the loss of one copy', async () => {
    await using file = await LockedFile.start();
    const client = await file.client({ 'r-client-*.strict-locks': 'on' });
    const [fd, free] = [await client.open(file.inode), await client.open(file.inode)];
    await client.lock(fd, { owner: newLkOwner() });
    await file.bricks[0]!.kill();
    await client.sees(0b110);
    expect(fd.poisoned).toBe(undefined);
    await file.bricks[2]!.kill();
    await client.sees(0b010);
    expect(fd.poisoned).toMatchObject({ code: 'EBADFD' });
    expect(free.poisoned).toBe(undefined);
    expect(client.book.held.empty).toBe(true);
  });

  test('of two copies one is enough where nothing else is said', async () => {
    await using file = await LockedFile.start('replicate 2');
    const client = await file.client({ 'r-client-*.strict-locks': 'on' });
    const fd = await client.open(file.inode);
    const owner = newLkOwner();
    await client.lock(fd, { owner });
    for (const index of [1, 0]) {
      await file.bricks[index]!.kill();
      await client.sees(0b11 & ~(1 << index));
      expect(fd.poisoned).toBe(undefined);
      await file.bricks[index]!.restart();
      await client.sees(0b11);
    }
    await file.observer.sees(0b11);
    for (const index of [0, 1]) expect(await file.granted(index)).toEqual([`${ownerText(owner)} w 0+0`]);
  });
});
