import { describe, expect, test } from 'vitest';
import { newLkOwner, type Request, rootContext } from '../../../../src/graph/index.ts';
import { EntryLockCommand, EntryLockType, LockCommand, LockType } from '../../../../src/protocol/messages.ts';
import { flockOf, type LockClient, LockedFile } from '../../../helpers/lock-clients.ts';
import { waitUntil } from '../../../helpers/wait.ts';

const domain = 'somebody.above';

interface Asking {
  readonly owner: Uint8Array;
  readonly type?: number;
  readonly wait?: boolean;
  readonly signal?: AbortSignal;
}

/** An inodelk of the whole file, on one child or through replicate. */
function inodelk(
  on: LockClient['top'],
  file: LockedFile,
  { owner, type = LockType.WRITE, wait = false, signal }: Asking,
) {
  const command = wait ? LockCommand.SET_WAIT : LockCommand.SET;
  const request = { loc: { inode: file.inode }, command, type, flock: flockOf(owner, type), domain };
  return on.inodelk(request, rootContext({ lkOwner: owner, signal }));
}

/** Whether a brick has granted an inodelk of the domain to anybody: by asking for it. */
async function isLocked(file: LockedFile, index: number): Promise<boolean> {
  const child = file.observer.state.children[index]!;
  const owner = newLkOwner();
  try {
    await inodelk(child, file, { owner });
  } catch {
    return true;
  }
  await inodelk(child, file, { owner, type: LockType.UNLOCK });
  return false;
}

async function locked(file: LockedFile): Promise<number[]> {
  const all = await Promise.all(file.bricks.map((_, index) => isLocked(file, index)));
  return all.flatMap((is, index) => (is ? [index] : []));
}

describe('inodelks of translators above', () => {
  test('are on all copies, at once, and leave none of them behind', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const owner = newLkOwner();
    await inodelk(client.top, file, { owner });
    expect(await locked(file)).toEqual([0, 1, 2]);
    await inodelk(client.top, file, { owner, type: LockType.UNLOCK });
    expect(await locked(file)).toEqual([]);
  });

  test('one that a copy refuses is refused by all; one that waits gets it on all', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const [owner, other] = [newLkOwner(), newLkOwner()];
    for (const index of [0, 1, 2]) {
      const theirs = file.observer.state.children[index]!;
      await inodelk(theirs, file, { owner: other });
      await expect(inodelk(client.top, file, { owner })).rejects.toMatchObject({ code: 'EAGAIN' });
      expect(await locked(file)).toEqual([index]);
      const waiting = inodelk(client.top, file, { owner, wait: true });
      // In the order of the copies: it holds those before the one that it waits for.
      const before = [0, 1, 2].filter((each) => each <= index);
      await waitUntil(async () => (await locked(file)).join() === before.join(), { what: 'locks in order' });
      await inodelk(theirs, file, { owner: other, type: LockType.UNLOCK });
      await waiting;
      expect(await locked(file)).toEqual([0, 1, 2]);
      await inodelk(client.top, file, { owner, type: LockType.UNLOCK });
    }
    expect(await locked(file)).toEqual([]);
  });

  test('a quorum is enough; without one nothing is held', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const owner = newLkOwner();
    await file.bricks[0]!.fault({ fop: 'inodelk', action: 'fail', errno: 'EIO' });
    await inodelk(client.top, file, { owner });
    expect(await locked(file)).toEqual([1, 2]);
    await inodelk(client.top, file, { owner, type: LockType.UNLOCK });
    for (const index of [0, 2])
      await file.bricks[index]!.fault({ fop: 'inodelk', action: 'fail', errno: 'EIO' });
    await expect(inodelk(client.top, file, { owner })).rejects.toMatchObject({ code: 'EIO' });
    expect(await locked(file)).toEqual([]);
    for (const index of [0, 2]) await file.bricks[index]!.kill();
    await client.sees(0b010);
    await expect(inodelk(client.top, file, { owner })).rejects.toMatchObject({ code: 'ENOTCONN' });
    expect(await isLocked(file, 1)).toBe(false);
  });

  test('copies that are lost while others are waited for do not count', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const [owner, other] = [newLkOwner(), newLkOwner()];
    await inodelk(file.observer.state.children[2]!, file, { owner: other });
    const waiting = inodelk(client.top, file, { owner, wait: true });
    const settled = waiting.catch((error: unknown) => error);
    await waitUntil(async () => (await locked(file)).length === 3, { what: 'locks on all' });
    client.cut(0);
    client.cut(1);
    await client.sees(0b100);
    await client.sees(0b111);
    await inodelk(file.observer.state.children[2]!, file, { owner: other, type: LockType.UNLOCK });
    expect(await settled).toMatchObject({ code: 'ENOTCONN' });
    await waitUntil(async () => (await locked(file)).length === 0, { what: 'nothing held' });
  });

  test('one that is granted to a caller who has left is given back', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const [owner, other] = [newLkOwner(), newLkOwner()];
    await inodelk(file.observer.state.children[1]!, file, { owner: other });
    const leaving = new AbortController();
    const waiting = inodelk(client.top, file, { owner, wait: true, signal: leaving.signal });
    const settled = waiting.catch((error: unknown) => error);
    await waitUntil(() => isLocked(file, 0), { what: 'the lock on the first copy' });
    leaving.abort();
    expect(await settled).toMatchObject({ code: 'ECANCELED' });
    await inodelk(file.observer.state.children[1]!, file, { owner: other, type: LockType.UNLOCK });
    await waitUntil(async () => (await locked(file)).length === 0, { what: 'nothing held' });
  });

  test('many at the same time come one after the other', async () => {
    await using file = await LockedFile.start();
    const clients = await Promise.all([file.client(), file.client()]);
    let inside = 0;
    const once = async (client: LockClient): Promise<void> => {
      const owner = newLkOwner();
      await inodelk(client.top, file, { owner, wait: true });
      expect(++inside).toBe(1);
      await new Promise(setImmediate);
      inside--;
      await inodelk(client.top, file, { owner, type: LockType.UNLOCK });
    };
    await Promise.all(Array.from({ length: 30 }, (_, index) => once(clients[index % 2]!)));
    expect(await locked(file)).toEqual([]);
  });
});

describe('entrylks of translators above', () => {
  test('are on all copies; one that a copy refuses is refused by all', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const root = file.root();
    const ask = (command: number): Request<'entrylk'> => ({
      loc: { inode: root },
      command,
      type: EntryLockType.WRITE,
      namelen: 1,
      name: 'file',
      domain,
    });
    const { LOCK, LOCK_NONBLOCKING, UNLOCK } = EntryLockCommand;
    const holder = rootContext();
    const free = async (): Promise<number[]> => {
      const found: number[] = [];
      for (const [index, child] of file.observer.state.children.entries()) {
        const asker = rootContext();
        const got = await child.entrylk(ask(LOCK_NONBLOCKING), asker).then(
          () => true,
          () => false,
        );
        if (got) found.push(index);
        if (got) await child.entrylk(ask(UNLOCK), asker);
      }
      return found;
    };
    await client.top.entrylk(ask(LOCK), holder);
    expect(await free()).toEqual([]);
    await client.top.entrylk(ask(UNLOCK), holder);
    expect(await free()).toEqual([0, 1, 2]);

    const other = rootContext();
    const second = file.observer.state.children[1]!;
    await second.entrylk(ask(LOCK), other);
    await expect(client.top.entrylk(ask(LOCK_NONBLOCKING), holder)).rejects.toMatchObject({ code: 'EAGAIN' });
    expect(await free()).toEqual([0, 2]);
    await second.entrylk(ask(UNLOCK), other);
    expect(await free()).toEqual([0, 1, 2]);
  });
});
