import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../../../src/errors.ts';
import { Dict, entryText } from '../../../../src/protocol/dict.ts';
import { parseClear } from '../../../../src/xlators/features/locks/clear.ts';
import {
  type Caller,
  contextOf,
  LockBrick,
  newClient,
  outcome,
  settled,
  watch,
} from '../../../helpers/lock-brick.ts';

const one = newClient('one');
const two = newClient('two');
const a: Caller = { client: one, owner: 1 };
const b: Caller = { client: two, owner: 2 };

async function clear(brick: LockBrick, name: string, inode = brick.inode): Promise<string> {
  const { dict } = await brick.top.getxattr({ loc: { inode }, name }, contextOf(b));
  return entryText(dict!.entry(name)!);
}

describe('clear-locks', () => {
  it.each([
    ['blocked', 'locks: inode blocked locks=1 granted locks=0', 'EAGAIN', 'EAGAIN'],
    ['granted', 'locks: inode blocked locks=0 granted locks=1', 'ok', 'EAGAIN'],
    ['all', 'locks: inode blocked locks=1 granted locks=1', 'EAGAIN', 'ok'],
  ])('of inodelks: %s', async (kind, summary, waiterEnds, lockAfterwards) => {
    const brick = new LockBrick();
    await brick.inodelk(a);
    const waiter = watch(brick.inodelk(b, { wait: true }));
    await settled();
    expect(await clear(brick, `glusterfs.clrlk.tinode.k${kind}`)).toBe(summary);
    expect(await waiter.ended).toBe(waiterEnds);
    expect(await outcome(brick.inodelk({ ...a, owner: 9 }))).toBe(lockAfterwards);
  });

  it('of one range, in all domains', async () => {
    const brick = new LockBrick();
    for (const domain of ['x', 'y']) await brick.inodelk(a, { start: 5n, length: 5n, domain });
    await brick.inodelk(a, { start: 20n, domain: 'x' });
    expect(await clear(brick, 'glusterfs.clrlk.tinode.kgranted.0,5-5')).toContain('granted locks=2');
    expect(await clear(brick, 'glusterfs.clrlk.tinode.kall.0,5-5')).toBe('No locks cleared.');
  });

  it('of entrylks, of one name', async () => {
    const brick = new LockBrick();
    await brick.entrylk(a, { name: 'x.y' });
    await brick.entrylk(a, { name: 'z' });
    const waiter = watch(brick.entrylk(b, { name: 'x.y', wait: true }));
    await settled();
    const name = 'glusterfs.clrlk.tentry.kgranted.x.y';
    expect(await clear(brick, name, brick.directory)).toBe('locks: entry blocked locks=0 granted locks=1');
    expect(await waiter.ended).toBe('ok');
  });

  it('of POSIX locks: waiters get EINTR', async () => {
    const brick = new LockBrick();
    await brick.lk(a, { length: 5n });
    const waiter = watch(brick.lk(b, { length: 5n, wait: true }));
    await settled();
    expect(await clear(brick, 'glusterfs.clrlk.tposix.kblocked')).toContain('posix blocked locks=1');
    expect(await waiter.ended).toBe('EINTR');
    expect(await clear(brick, 'glusterfs.clrlk.tposix.kgranted.0,0-4')).toBe('No locks cleared.');
    expect(await clear(brick, 'glusterfs.clrlk.tposix.kgranted.0,0-5')).toContain('granted locks=1');
    expect(brick.pins).toBe(0);
  });

  it('an interrupt ends the waits of its own caller only', async () => {
    const brick = new LockBrick();
    await brick.lk(a);
    const mine = watch(brick.lk({ ...b, pid: 5 }, { wait: true }));
    const others = [
      watch(brick.lk({ ...b, owner: 3, pid: 6 }, { wait: true })),
      watch(brick.lk({ client: one, owner: 4, pid: 5 }, { wait: true })),
    ];
    await settled();
    const name = 'glusterfs.intrlk.tposix.kblocked';
    const interrupt = (caller: Caller) => brick.top.fgetxattr({ fd: brick.fd, name }, contextOf(caller));
    expect(await outcome(interrupt({ ...b, pid: -1 }))).toBe('EINVAL');
    await interrupt({ ...b, owner: 8, pid: 5 });
    expect(await mine.ended).toBe('EINTR');
    await settled();
    expect(others.map(({ state }) => state)).toEqual(['waits', 'waits']);
  });

  it.each([
    'glusterfs.clrlk',
    'glusterfs.clrlk.tinode',
    'glusterfs.clrlk.tnode.kall',
    'glusterfs.clrlk.tinode.kalle.0,0-0',
    'glusterfs.clrlk.tposix.kall.0-0',
    'glusterfs.clrlk.kall.tinode',
  ])('%s is no command', (name) => {
    expect(() => parseClear(name)).toThrow(GlfsError);
  });
});

describe('revocation', () => {
  it('takes locks that are too old from their holder when somebody wants them', async () => {
    const brick = new LockBrick({ 'revocation-secs': '10' });
    await brick.inodelk(a, { length: 5n });
    await brick.inodelk(a, { start: 50n });
    brick.time = 10_000;
    expect(await outcome(brick.inodelk(b, { length: 5n }))).toBe('EAGAIN');
    brick.time = 10_001;
    expect(await outcome(brick.inodelk(b, { start: 20n, length: 5n }))).toBe('ok');
    expect(await outcome(brick.inodelk(b, { length: 5n }))).toBe('ok');
    expect(await outcome(brick.inodelk(a, { length: 5n, type: 'UNLOCK' }))).toBe('EINVAL');
    expect(brick.environment.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    await brick.entrylk(a, { name: 'x' });
    brick.time = 30_000;
    expect(await outcome(brick.entrylk(b, {}))).toBe('ok');
  });

  it('counts waiters, and ends their waits where it shall', async () => {
    for (const all of ['on', 'off']) {
      const brick = new LockBrick({
        'revocation-secs': '1000',
        'revocation-max-blocked': '2',
        'revocation-clear-all': all,
      });
      await brick.inodelk(a);
      const waiters = [2, 3].map((owner) => watch(brick.inodelk({ client: two, owner }, { wait: true })));
      await settled();
      const last = watch(brick.inodelk({ client: two, owner: 4 }));
      await settled();
      expect([...waiters, last].map(({ state }) => state)).toEqual(
        all === 'on' ? ['EAGAIN', 'EAGAIN', 'ok'] : ['ok', 'waits', 'EAGAIN'],
      );
    }
  });
});

describe('what is not had here', () => {
  it.each(['monkey-unlocking', 'enforce-mandatory-lock'])('option %s on is refused', (option) => {
    expect(() => new LockBrick({ [option]: 'off' })).not.toThrow();
    expect(() => new LockBrick({ [option]: 'on' })).toThrow(/EOPNOTSUPP/);
  });

  it('attributes that would turn it on are EINVAL, others pass', async () => {
    const brick = new LockBrick();
    const name = 'trusted.glusterfs.enforce-mandatory-lock';
    const loc = { inode: brick.inode };
    const set = (key: string) =>
      outcome(
        brick.top.setxattr(
          { loc, flags: 0, dict: new Dict().setBytes(key, new Uint8Array(1)) },
          contextOf(a),
        ),
      );
    expect([await set(name), await set('glusterfs.lock-migration-meta-lock')]).toEqual(['EINVAL', 'EINVAL']);
    expect(await outcome(brick.top.removexattr({ loc, name }, contextOf(a)))).toBe('EINVAL');
    expect(await outcome(brick.top.fremovexattr({ fd: brick.fd, name }, contextOf(a)))).toBe('EINVAL');
    expect([await set('user.x'), brick.child.fops]).toEqual(['ok', ['setxattr']]);
  });

  it('trace logs each lock call and how it ended', async () => {
    const brick = new LockBrick({ trace: 'on' });
    await brick.inodelk(a);
    await outcome(brick.inodelk(b));
    const messages = brick.environment.lines.map(({ message, details }) => [message, details.fop]);
    expect(messages).toEqual([
      ['lock requested', 'inodelk'],
      ['lock granted', 'inodelk'],
      ['lock requested', 'inodelk'],
      ['lock refused', 'inodelk'],
    ]);
  });
});
