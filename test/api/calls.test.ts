import { beforeEach, describe, expect, it } from 'vitest';
import type { Volume } from '../../src/api/volume.ts';
import { GlfsError } from '../../src/errors.ts';
import type { FopName } from '../../src/protocol/fops.ts';
import { MemoryVolume } from '../helpers/memory-volume/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

let memory: MemoryVolume;
let volume: Volume;

beforeEach(async () => {
  memory = new MemoryVolume();
  volume = memory.volume();
  await volume.writeFile('/f', 'text');
});

/** Holds back one kind of operation until told otherwise. */
function hold(held: FopName): () => void {
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  memory.before = ({ fop }) => (fop === held ? gate : undefined);
  return go;
}

const started = (fop: FopName): Promise<unknown> =>
  waitUntil(() => memory.calls.some((call) => call.fop === fop), { what: `a ${fop}` });

describe('the end of patience', () => {
  it('begins nothing for a caller who has left before', async () => {
    memory.take();
    const signal = AbortSignal.abort('why');
    await expect(volume.stat('/f', { signal })).rejects.toMatchObject({
      code: 'ECANCELED',
      cause: 'why',
      outcome: 'failed',
    });
    await expect(volume.mkdir('/d', { deadline: performance.now() - 1 })).rejects.toMatchObject({
      code: 'ETIMEDOUT',
    });
    expect(memory.take()).toEqual([]);
    await expect(volume.stat('/f', { timeout: Number.NaN })).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it('ends the wait for a read, and leaves the buffer alone', async () => {
    await using file = await volume.open('/f');
    const go = hold('read');
    const buffer = Buffer.alloc(4, '-');
    memory.take();
    const reading = file.pread(buffer, 0, { timeout: 20 });
    await expect(reading).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      syscall: 'read',
      path: '/f',
      outcome: 'failed',
    });
    go();
    await file.close();
    expect(buffer.toString()).toBe('----');
  });

  it('ends the wait for a write, not the write, which has bytes of its own', async () => {
    await using file = await volume.open('/f', 'r+');
    const go = hold('write');
    memory.take();
    const controller = new AbortController();
    const bytes = Buffer.from('done');
    const writing = file.pwrite(bytes, 0, { signal: controller.signal });
    await started('write');
    controller.abort();
    await expect(writing).rejects.toMatchObject({ code: 'ECANCELED', outcome: 'unknown' });
    bytes.fill('!');
    const closing = file.close();
    go();
    await closing;
    expect(await volume.readFile('/f', { encoding: 'utf8' })).toBe('done');
  });

  it('hands no signal to what changes something, and the signal to what reads', async () => {
    const { signal } = new AbortController();
    memory.take();
    await volume.mkdir('/d', { signal });
    const seen = memory.calls.map(({ fop, context }) => [fop, context.signal === signal]);
    expect(seen).toEqual([
      ['lookup', true],
      ['mkdir', false],
    ]);
  });

  it('stops between the steps of a long call', async () => {
    await volume.mkdir('/d');
    for (let index = 0; index < 50; index++) await volume.writeFile(`/d/${index}`, '');
    const controller = new AbortController();
    const go = hold('unlink');
    memory.take();
    const removing = volume.rm('/d', { recursive: true, signal: controller.signal });
    await started('unlink');
    controller.abort();
    await expect(removing).rejects.toMatchObject({ code: 'ECANCELED', syscall: 'rm' });
    go();
    await waitUntil(() => memory.openFds.size === 0, { what: 'the listing to be closed' });
    expect((await volume.readdir('/d')).length).toBeGreaterThan(40);
  });

  it('closes what was opened for nobody', async () => {
    for (const held of ['open', 'create', 'opendir'] as const) {
      const go = hold(held);
      memory.take();
      const opening =
        held === 'opendir'
          ? volume.opendir('/', { timeout: 20 })
          : volume.open(held === 'open' ? '/f' : '/new', held === 'open' ? 'r' : 'w', { timeout: 20 });
      await expect(opening).rejects.toMatchObject({ code: 'ETIMEDOUT' });
      go();
      await waitUntil(() => memory.take().some((fop) => fop.startsWith('release')), { what: 'a release' });
      expect(memory.openFds.size).toBe(0);
    }
  });

  it('keeps no timer and no listener once the call is done', async () => {
    const controller = new AbortController();
    const listeners: unknown[] = [];
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (type: string, listener: never, options?: never) => {
      listeners.push(listener);
      add(type, listener, options);
    };
    signal.removeEventListener = (type: string, listener: never) => {
      listeners.splice(listeners.indexOf(listener), 1);
      remove(type, listener);
    };
    await volume.stat('/f', { signal, timeout: 1_000_000_000_000 });
    expect(listeners).toEqual([]);
  });
});

describe('errors', () => {
  it('name the call and the path, and keep what they knew', async () => {
    memory.before = ({ fop }) => {
      if (fop === 'lookup') throw new GlfsError('EIO', 'no good', { brick: 'host:/brick' });
    };
    const error = await volume.rename('/a', '/b').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GlfsError);
    expect(error).toMatchObject({
      code: 'EIO',
      errno: -5,
      syscall: 'rename',
      path: '/a',
      dest: '/b',
      fop: 'lookup',
      brick: 'host:/brick',
    });
    expect((error as Error).message).toBe("EIO: no good, rename '/a' -> '/b' (lookup on host:/brick)");
  });

  it('are GlfsErrors whatever was thrown', async () => {
    memory.before = () => {
      throw new TypeError('a bug');
    };
    await expect(volume.stat('/')).rejects.toMatchObject({ name: 'GlfsError', code: 'EIO', syscall: 'stat' });
  });
});
