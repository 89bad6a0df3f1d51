import { describe, expect, test } from 'vitest';
import { newLkOwner } from '../../../../src/graph/index.ts';
import { LockType } from '../../../../src/protocol/messages.ts';
import { LockedFile, ownerText } from '../../../helpers/lock-clients.ts';
import { waitUntil } from '../../../helpers/wait.ts';

const none = [[], [], []];

function everywhere(...locks: string[]): string[][] {
  return [locks, locks, locks];
}

describe('POSIX locks of applications', () => {
  test('are on all copies, and go from all of them by unlock, flush and release', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    const owner = newLkOwner();
    const name = ownerText(owner);

    await client.lock(fd, { owner, start: 0n, length: 100n });
    expect(await file.grantedOnAll()).toEqual(everywhere(`${name} w 0+100`));
    await client.unlock(fd, { owner, start: 40n, length: 20n });
    expect(await file.grantedOnAll()).toEqual(everywhere(`${name} w 0+40`, `${name} w 60+40`));
    await client.top.flush({ fd }, { ...client.context, lkOwner: newLkOwner() });
    expect(await file.grantedOnAll()).toEqual(everywhere(`${name} w 0+40`, `${name} w 60+40`));
    await client.top.flush({ fd }, { ...client.context, lkOwner: owner });
    expect(await file.grantedOnAll()).toEqual(none);
    expect(client.book.held.empty).toBe(true);

    await client.lock(fd, { owner, type: LockType.READ });
    await client.top.release({ fd }, client.context);
    expect(await file.grantedOnAll()).toEqual(none);
    expect(client.book.held.empty).toBe(true);
  });

  test('a lock of another client on any copy is told of, and refuses it on all, which keep nothing of it', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    const [owner, other] = [newLkOwner(), newLkOwner()];
    for (const index of [0, 1, 2]) {
      await file.lockOn(index, { owner: other, start: 10n, length: 5n });
      expect(await client.probe(fd, { owner })).toMatchObject({
        type: LockType.WRITE,
        start: 10n,
        length: 5n,
      });
      await expect(client.lock(fd, { owner })).rejects.toMatchObject({ code: 'EAGAIN' });
      const theirs = (await file.grantedOnAll()).map((locks) => locks.join());
      expect(theirs).toEqual([0, 1, 2].map((each) => (each === index ? `${ownerText(other)} w 10+5` : '')));
      await file.lockOn(index, { owner: other, type: LockType.UNLOCK, start: 10n, length: 5n });
    }
    expect(await client.probe(fd, { owner })).toMatchObject({ type: LockType.UNLOCK });
  });

  test('what the owner had before a lock was refused, it has after, on all copies', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    const [owner, other] = [newLkOwner(), newLkOwner()];
    const name = ownerText(owner);
    await client.lock(fd, { owner, type: LockType.READ, start: 10n, length: 10n });
    await client.lock(fd, { owner, type: LockType.WRITE, start: 30n, length: 10n });
    await file.lockOn(2, { owner: other, type: LockType.READ, start: 50n, length: 10n });
    await expect(client.lock(fd, { owner, start: 0n, length: 100n })).rejects.toMatchObject({
      code: 'EAGAIN',
    });
    await file.lockOn(2, { owner: other, type: LockType.UNLOCK });
    expect(await file.grantedOnAll()).toEqual(everywhere(`${name} r 10+10`, `${name} w 30+10`));
    expect(fd.poisoned).toBe(undefined);
  });

  test('of two clients that ask at the same time one gets it, and the one that waits gets it afterwards', async () => {
    await using file = await LockedFile.start();
    const clients = await Promise.all([file.client(), file.client()]);
    const fds = await Promise.all(clients.map((client) => client.open(file.inode)));
    for (let round = 0; round < 20; round++) {
      const owners = [newLkOwner(), newLkOwner()];
      const answers = await Promise.allSettled(
        clients.map((client, index) => client.lock(fds[index]!, { owner: owners[index]! })),
      );
      const winner = answers.findIndex(({ status }) => status === 'fulfilled');
      expect(answers[1 - winner]).toMatchObject({ status: 'rejected', reason: { code: 'EAGAIN' } });
      const loser = 1 - winner;
      let waited = false;
      const second = clients[loser]!.lock(fds[loser]!, { owner: owners[loser]!, wait: true }).then(() => {
        waited = true;
      });
      expect(await file.grantedOnAll()).toEqual(everywhere(`${ownerText(owners[winner]!)} w 0+0`));
      expect(waited).toBe(false);
      await clients[winner]!.unlock(fds[winner]!, { owner: owners[winner]! });
      await second;
      expect(await file.grantedOnAll()).toEqual(everywhere(`${ownerText(owners[loser]!)} w 0+0`));
      await clients[loser]!.unlock(fds[loser]!, { owner: owners[loser]! });
    }
    expect(await file.grantedOnAll()).toEqual(none);
  });

  test('a copy that dies over it does without; where too few are left nothing is held', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    const owner = newLkOwner();
    for (const index of [0, 1, 2]) {
      const fault = await file.bricks[index]!.fault({ fop: 'lk', action: 'drop' });
      await client.lock(fd, { owner });
      expect(await fault.acted()).toBe(1);
      // It is back with the lock.
      const all = everywhere(`${ownerText(owner)} w 0+0`);
      await waitUntil(async () => JSON.stringify(await file.grantedOnAll()) === JSON.stringify(all), {
        what: 'the lock on all copies',
      });
      await client.sees(0b111);
      await client.unlock(fd, { owner });
      expect(await file.grantedOnAll()).toEqual(none);
    }
    for (const index of [1, 2]) await file.bricks[index]!.fault({ fop: 'lk', action: 'fail', errno: 'EIO' });
    await expect(client.lock(fd, { owner })).rejects.toMatchObject({ code: 'EIO' });
    expect(await file.grantedOnAll()).toEqual(none);
    await Promise.all([file.bricks[0]!.kill(), file.bricks[1]!.kill()]);
    await client.sees(0b100);
    await expect(client.lock(fd, { owner })).rejects.toMatchObject({ code: 'ENOTCONN' });
    expect(await file.granted(2)).toEqual([]);
  });

  test('a copy that loses the lock while another is waited for is asked again', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    const [owner, other] = [newLkOwner(), newLkOwner()];
    const name = ownerText(owner);
    await file.lockOn(1, { owner: other });
    const waiting = client.lock(fd, { owner, wait: true });
    await waitUntil(async () => (await file.granted(0)).length === 1, { what: 'the lock on the first copy' });
    client.cut(0);
    await client.sees(0b110);
    await client.sees(0b111);
    await waitUntil(async () => (await file.granted(0)).length === 0, {
      what: 'the lock gone with the connection',
    });
    await file.lockOn(1, { owner: other, type: LockType.UNLOCK });
    await waiting;
    expect(await file.grantedOnAll()).toEqual(everywhere(`${name} w 0+0`));
    await client.close(fd, owner);
    expect(await file.grantedOnAll()).toEqual(none);
  });

  test('an unlock while a lock of the same owner waits leaves the book and the copies the same', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    const [owner, other] = [newLkOwner(), newLkOwner()];
    await file.lockOn(2, { owner: other, start: 0n, length: 10n });
    const waiting = client.lock(fd, { owner, start: 0n, length: 10n, wait: true });
    await waitUntil(async () => (await file.granted(1)).length === 1, { what: 'the lock on two copies' });
    await client.unlock(fd, { owner });
    expect((await file.grantedOnAll()).slice(0, 2)).toEqual([[], []]);
    await file.lockOn(2, { owner: other, type: LockType.UNLOCK });
    await waiting;
    expect(await file.grantedOnAll()).toEqual(everywhere(`${ownerText(owner)} w 0+10`));
  });
});
