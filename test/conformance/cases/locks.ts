import { expect } from 'vitest';
import type { OpenFile, Subject } from '../subject.ts';
import {
  fails,
  group,
  needing,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  outcomeOf,
  put,
  using,
  usingAll,
} from '../trial.ts';

/** Two open files of one file: two owners. */
async function two(
  fs: Subject,
  use: (one: OpenFile, other: OpenFile) => Promise<void>,
  flags: readonly [number, number] = [O_RDWR, O_RDWR],
): Promise<void> {
  await put(fs, 'file', 'contents');
  await usingAll(
    fs,
    [
      ['file', flags[0]],
      ['file', flags[1]],
    ],
    (one, other) => use(one!, other!),
  );
}

/** Tries a lock and gives it up again. */
async function tries(file: OpenFile, type: 'read' | 'write', start = 0, length = 0): Promise<string> {
  const outcome = await outcomeOf(file.lock(type, { start, length }));
  if (outcome === 'success') await file.unlock({ start, length });
  return outcome;
}

export const locks = group(
  'locks',
  {
    'for writing keep out both': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('write');
        expect([await tries(other, 'write'), await tries(other, 'read')]).toEqual(['EAGAIN', 'EAGAIN']);
        await one.unlock();
        expect(await tries(other, 'write')).toBe('success');
      }),
    'for reading keep out writers only': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('read');
        expect([await tries(other, 'write'), await tries(other, 'read')]).toEqual(['EAGAIN', 'success']);
      }),
    'of ranges that do not meet': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('write', { start: 10, length: 10 });
        await other.lock('write', { start: 0, length: 10 });
        await other.lock('write', { start: 20, length: 5 });
        expect(await tries(other, 'write', 100, 0)).toBe('success');
      }),
    'of ranges that share one byte': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('write', { start: 10, length: 10 });
        expect(await tries(other, 'read', 0, 11)).toBe('EAGAIN');
        expect(await tries(other, 'read', 19, 1)).toBe('EAGAIN');
        expect(await tries(other, 'write', 15, 1)).toBe('EAGAIN');
        expect(await tries(other, 'write', 0, 0)).toBe('EAGAIN');
      }),
    'to the end of the file reach beyond it': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('write', { start: 4, length: 0 });
        expect(await tries(other, 'write', 1_000_000, 1)).toBe('EAGAIN');
        expect(await tries(other, 'write', 0, 4)).toBe('success');
        await one.write('more', 100);
        expect(await tries(other, 'write', 102, 1)).toBe('EAGAIN');
      }),
    'of one’s own are no hindrance': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('write', { start: 0, length: 10 });
        await one.lock('write', { start: 5, length: 10 });
        await one.lock('read', { start: 0, length: 15 });
        expect(await tries(other, 'read', 0, 15)).toBe('success');
        expect(await tries(other, 'write', 14, 1)).toBe('EAGAIN');
      }),
    'unlocking the middle leaves both ends': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('write', { start: 0, length: 30 });
        await one.unlock({ start: 10, length: 10 });
        expect(await tries(other, 'write', 10, 10)).toBe('success');
        expect(await tries(other, 'write', 9, 1)).toBe('EAGAIN');
        expect(await tries(other, 'write', 20, 1)).toBe('EAGAIN');
      }),
    'unlocking more than is held is fine': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.unlock();
        await one.lock('write', { start: 5, length: 1 });
        await one.unlock({ start: 0, length: 100 });
        expect(await tries(other, 'write')).toBe('success');
      }),
    'upgrade from reading to writing when alone': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('read');
        await one.lock('write');
        expect(await tries(other, 'read')).toBe('EAGAIN');
      }),
    'upgrade while another reads is refused, and the lock stays': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('read');
        await other.lock('read');
        await fails('EAGAIN', one.lock('write'));
        await other.unlock();
        expect(await tries(other, 'write')).toBe('EAGAIN');
        await one.lock('write');
      }),
    'downgrade lets readers in': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('write');
        await one.lock('read');
        expect([await tries(other, 'read'), await tries(other, 'write')]).toEqual(['success', 'EAGAIN']);
      }),
    'downgrade of a part': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('write', { start: 0, length: 30 });
        await one.lock('read', { start: 10, length: 10 });
        expect(await tries(other, 'read', 10, 10)).toBe('success');
        expect(await tries(other, 'read', 0, 10)).toBe('EAGAIN');
        expect(await tries(other, 'read', 20, 10)).toBe('EAGAIN');
      }),
    'are gone when the file is closed': async ({ fs }) => {
      await put(fs, 'file', 'contents');
      await using(fs.open('file', O_RDWR), async (other) => {
        const file = await fs.open('file', O_RDWR);
        await file.lock('write', { start: 0, length: 10 });
        await file.lock('read', { start: 20, length: 10 });
        expect(await tries(other, 'write', 20, 1)).toBe('EAGAIN');
        await file.close();
        expect(await tries(other, 'write')).toBe('success');
      });
    },
    'ask: who is in the way': ({ fs }) =>
      two(fs, async (one, other) => {
        expect(await other.getLock('write')).toBeUndefined();
        await one.lock('write', { start: 10, length: 5 });
        expect(await other.getLock('read')).toEqual({ type: 'write', start: 10, length: 5 });
        expect(await other.getLock('read', { start: 0, length: 10 })).toBeUndefined();
        expect(await one.getLock('write')).toBeUndefined();
        await one.lock('read', { start: 10, length: 5 });
        expect(await other.getLock('read')).toBeUndefined();
        expect(await other.getLock('write')).toEqual({ type: 'read', start: 10, length: 5 });
      }),
    'ask: neighbours that were joined are one': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('write', { start: 0, length: 10 });
        await one.lock('write', { start: 20, length: 10 });
        await one.lock('write', { start: 10, length: 10 });
        expect(await other.getLock('write')).toEqual({ type: 'write', start: 0, length: 30 });
        await one.lock('write', { start: 25, length: 0 });
        expect(await other.getLock('write')).toEqual({ type: 'write', start: 0, length: 0 });
      }),
    'for reading need a file that is open for reading': ({ fs }) =>
      two(
        fs,
        async (writer, reader) => {
          await fails('EBADF', writer.lock('read'));
          await fails('EBADF', reader.lock('write'));
          await reader.lock('read', { start: 0, length: 1 });
          await writer.lock('write', { start: 5, length: 1 });
        },
        [O_WRONLY, O_RDONLY],
      ),
    'are those of the file, whatever its name': async ({ fs }) => {
      await put(fs, 'file', 'x');
      await fs.link('file', 'twin');
      await usingAll(
        fs,
        [
          ['file', O_RDWR],
          ['twin', O_RDWR],
        ],
        async (one, other) => {
          await one!.lock('write');
          expect(await tries(other!, 'read')).toBe('EAGAIN');
          await fs.unlink('file');
          expect(await tries(other!, 'read')).toBe('EAGAIN');
        },
      );
    },
    'of different files have nothing to do with each other': async ({ fs }) => {
      await put(fs, 'a');
      await put(fs, 'b');
      await usingAll(
        fs,
        [
          ['a', O_RDWR],
          ['b', O_RDWR],
        ],
        async (one, other) => {
          await one!.lock('write');
          await other!.lock('write');
        },
      );
    },
    'at places beyond 4 GiB': ({ fs }) =>
      two(fs, async (one, other) => {
        const far = 5 * 2 ** 30;
        await one.lock('write', { start: far, length: 2 ** 32 });
        expect(await tries(other, 'write', far + 2 ** 32 - 1, 1)).toBe('EAGAIN');
        expect(await tries(other, 'write', far + 2 ** 32, 1)).toBe('success');
        expect(await tries(other, 'write', 2 ** 30, 1)).toBe('success');
        expect(await other.getLock('write')).toEqual({ type: 'write', start: far, length: 2 ** 32 });
      }),
    'waited for are granted when they are free': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('write');
        const order: string[] = [];
        const waiting = other.lock('write', { wait: true }).then(() => order.push('granted'));
        expect(await tries(one, 'read', 0, 1)).toBe('success');
        await one.lock('write');
        order.push('given up');
        await one.unlock();
        await waiting;
        expect(order).toEqual(['given up', 'granted']);
        expect(await tries(one, 'read')).toBe('EAGAIN');
      }),
    'waited for are granted when the holder closes': async ({ fs }) => {
      await put(fs, 'file', 'x');
      const holder = await fs.open('file', O_RDWR);
      await holder.lock('write');
      await using(fs.open('file', O_RDWR), async (other) => {
        const waiting = other.lock('read', { wait: true });
        await holder.close();
        await waiting;
        await using(fs.open('file', O_RDWR), async (third) => {
          expect([await tries(third, 'read'), await tries(third, 'write')]).toEqual(['success', 'EAGAIN']);
        });
      });
    },
    'waited for where nobody is in the way are granted at once': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('read', { wait: true });
        await other.lock('read', { wait: true });
      }),
    'do not keep anybody from reading and writing': ({ fs }) =>
      two(fs, async (one, other) => {
        await one.lock('write');
        await other.write('C', 0);
        expect((await other.read(8, 0)).toString()).toBe('Contents');
      }),
    'of an unlinked file': ({ fs }) =>
      two(fs, async (one, other) => {
        await fs.unlink('file');
        await one.lock('write');
        expect(await tries(other, 'write')).toBe('EAGAIN');
        await one.unlock();
        expect(await tries(other, 'write')).toBe('success');
      }),
    'of another client': needing('two-clients', async ({ fs }) => {
      const there = await fs.other();
      await put(fs, 'file', 'contents');
      await using(fs.open('file', O_RDWR), (ours) =>
        using(there.open('file', O_RDWR), async (theirs) => {
          await ours.lock('write', { start: 0, length: 4 });
          expect(await tries(theirs, 'write', 0, 4)).toBe('EAGAIN');
          expect(await tries(theirs, 'write', 4, 4)).toBe('success');
          expect(await theirs.getLock('read')).toEqual({ type: 'write', start: 0, length: 4 });
          const waiting = theirs.lock('write', { wait: true });
          await ours.unlock();
          await waiting;
          expect(await tries(ours, 'read')).toBe('EAGAIN');
        }),
      );
    }),
  },
  ['locks'],
);
