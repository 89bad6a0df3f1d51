import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FopName } from '../../../../../src/protocol/fops.ts';
import { hostSyscalls } from '../../../../../src/syscalls.ts';
import { decodePair } from '../../../../../src/xlators/cluster/disperse/lock/counters.ts';
import { chooseStore } from '../../../../../src/xlators/storage/posix/store-choice.ts';
import { FragmentBricks } from '../../../../helpers/fragment-bricks.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

/* What transactions leave on the bricks of an embedded 4+2 volume: their attributes and their index. */

interface Counters {
  readonly version: string;
  readonly dirty: string;
  readonly size: string;
}

function countersOf(set: FragmentBricks, path: string): Counters[] {
  return set.directories.map((root) => {
    const store = chooseStore({ root, wanted: 'auto', readOnly: true, host: hostSyscalls() });
    const text = (name: string): string =>
      String(decodePair(store.get(Buffer.from(join(root, path)), `trusted.ec.${name}`)) ?? '-');
    return { version: text('version'), dirty: text('dirty'), size: text('size') };
  });
}

function listed(set: FragmentBricks): string[] {
  return set.directories.flatMap((root) =>
    readdirSync(join(root, '.glusterfs/indices/xattrop')).filter((name) => !name.startsWith('xattrop-')),
  );
}

describe('two clients', () => {
  test('take turns in one file: each gets the lock soon, and all is counted', async () => {
    await using set = await FragmentBricks.start();
    await using one = await set.connect({ '*-disperse-*.eager-lock-timeout': '60' });
    await using other = await set.connect({ '*-disperse-*.eager-lock-timeout': '60' });
    await one.writeFile('/file', new Uint8Array(4096));
    const files = [await one.open('/file', 'r+'), await other.open('/file', 'r+')];
    // An eager lock would be kept for a minute: only contention has it given back.
    for (let turn = 0; turn < 10; turn++) {
      await files[turn % 2]!.pwrite(Buffer.alloc(2048, turn), 2048 * turn);
    }
    for (const file of files) await file.close();
    await one.close();
    await other.close();
    const counters = countersOf(set, 'file');
    expect(new Set(counters.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(counters[0]).toMatchObject({ dirty: '0,0', size: '20480,20480' });
    expect(listed(set)).toEqual([]);
  });

  test('rename between the same directories, both ways: neither waits for ever', async () => {
    await using set = await FragmentBricks.start();
    await using one = await set.connect();
    await using other = await set.connect();
    for (const directory of ['/a', '/b']) await one.mkdir(directory);
    await one.writeFile('/a/one', 'one');
    await one.writeFile('/b/other', 'other');
    const move = async (volume: typeof one, name: string, from: string, to: string): Promise<void> => {
      for (let turn = 0; turn < 4; turn++) {
        await volume.rename(`${from}/${name}`, `${to}/${name}`);
        await volume.rename(`${to}/${name}`, `${from}/${name}`);
      }
    };
    await Promise.all([move(one, 'one', '/a', '/b'), move(other, 'other', '/b', '/a')]);
    expect(await one.readdir('/a')).toEqual(['one']);
    expect(await other.readdir('/b')).toEqual(['other']);
    await one.close();
    await other.close();
    for (const path of ['a', 'b']) {
      const counters = countersOf(set, path);
      expect(new Set(counters.map(({ version }) => version)).size).toBe(1);
      expect(counters.every(({ dirty }) => dirty === '-' || dirty === '0,0')).toBe(true);
    }
  });
});

describe('a brick fails in the middle', () => {
  const steps: [FopName, number][] = [
    ['finodelk', 1],
    ['fxattrop', 1],
    ['write', 1],
    ['write', 2],
    ['fxattrop', 2],
    ['xattrop', 1],
  ];
  const rules = steps.flatMap(([fop, nth]) =>
    (['drop', 'fail-after'] as const).map((action) => ({ fop, nth, action })),
  );

  test.each(rules)(
    '$action at $fop, the $nth',
    async (rule) => {
      await using set = await FragmentBricks.start();
      await using volume = await set.connect();
      const file = await volume.open('/file', 'w+');
      await file.pwrite(Buffer.alloc(4096, 1), 0);
      await file.sync();
      const before = countersOf(set, 'file')[5]!;
      expect(before.size).toBe('4096,4096');
      await set.bricks[2]!.fault(rule);
      for (const turn of [2, 3]) await file.pwrite(Buffer.alloc(2048, turn), 2048 * turn);
      await volume.mkdir('/directory');
      await file.sync();
      // What was acknowledged is counted by those that have it.
      const counted = countersOf(set, 'file');
      const group = counted.filter(
        ({ version, size }) => version === counted[5]!.version && size === '8192,8192',
      );
      expect(group.length).toBeGreaterThanOrEqual(5);
      await file.close();
      await volume.close();
      await set.bricks[2]!.clearFaults();
      const after = countersOf(set, 'file');
      const behind = after[2]!.version !== after[5]!.version || after[2]!.size !== after[5]!.size;
      if (behind) {
        expect(after[5]!.dirty).not.toBe('0,0');
        expect(listed(set)).not.toEqual([]);
      }
      await waitUntil(async () => Buffer.compare(await read(set), expected()) === 0, { what: 'the bytes' });
    },
    20_000,
  );

  async function read(set: FragmentBricks): Promise<Buffer> {
    await using volume = await set.connect();
    return await volume.readFile('/file');
  }

  function expected(): Buffer {
    return Buffer.concat([1, 1, 2, 3].map((fill) => Buffer.alloc(2048, fill)));
  }
});
