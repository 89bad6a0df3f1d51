import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { SeekWhat } from '../../../../src/protocol/messages.ts';
import { readOrder } from '../../../../src/xlators/cluster/disperse/read-policy.ts';
import { superFastHash } from '../../../../src/xlators/cluster/super-fast-hash.ts';
import { type Geometry, StoredFragments } from '../../../helpers/stored-fragments.ts';

const STRIPE = 2048;

async function fileOf(
  length: number,
  geometry: Geometry = { data: 4, redundancy: 2 },
): Promise<{ file: StoredFragments; content: Buffer }> {
  const file = new StoredFragments(geometry);
  const content = Buffer.from(Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 0xff));
  await file.write(0, content);
  file.forgetCalls();
  return { file, content };
}

const readers = (file: StoredFragments): number[] =>
  [...file.fragments.keys()].filter((index) => file.calls(index).includes('read'));

describe('a read', () => {
  test('asks as many as it takes, from the one that the gfid says on', async () => {
    const { file, content } = await fileOf(3 * STRIPE);
    expect(await file.read(10, 5000)).toEqual(content.subarray(10, 5010));
    const first = superFastHash(file.inode.gfid) % 6;
    expect(readers(file)).toEqual([0, 1, 2, 3].map((step) => (first + step) % 6).sort());
  });

  test('begins elsewhere each time with round-robin', async () => {
    const { file } = await fileOf(STRIPE, {
      data: 4,
      redundancy: 2,
      options: { 'read-policy': 'round-robin' },
    });
    const firsts = Array.from({ length: 6 }, () => readOrder(file.state, file.inode, 0b111111)[0]!);
    expect([...firsts].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('keeps to ec-read-mask', async () => {
    const options = { 'ec-read-mask': '1:2:4:5' };
    const { file, content } = await fileOf(STRIPE, { data: 4, redundancy: 2, options });
    expect(await file.read(0, STRIPE)).toEqual(content);
    expect(readers(file)).toEqual([1, 2, 4, 5]);
    file.down(4);
    await expect(file.read(0, STRIPE)).rejects.toMatchObject({ code: 'ENOTCONN' });
  });

  test('puts another fragment in the place of one that fails', async () => {
    const { file, content } = await fileOf(3 * STRIPE + 7);
    const first = superFastHash(file.inode.gfid) % 6;
    file.fails(first, 'read', 'EIO');
    file.fails((first + 4) % 6, 'read', 'ESTALE');
    expect(await file.read(0, 10_000)).toEqual(content);
    expect(readers(file)).toEqual([1, 2, 3, 5].map((step) => (first + step) % 6).sort());
  });

  test('fails where no four fragments are left, with what they say alike', async () => {
    const { file } = await fileOf(STRIPE);
    for (const index of [0, 1]) file.fails(index, 'read', 'EIO');
    file.fails(2, 'read', 'EACCES');
    await expect(file.read(0, STRIPE)).rejects.toMatchObject({ code: 'EIO', outcome: 'failed' });
    for (const index of file.fragments.keys()) file.fails(index, 'read', 'EACCES');
    await expect(file.read(0, STRIPE)).rejects.toMatchObject({ code: 'EACCES' });
  });

  test('does without fragments that end too early, and never makes up what all of them lack', async () => {
    const { file, content } = await fileOf(4 * STRIPE);
    // Cut behind the lock's back: its counters still agree.
    for (const index of [1, 4]) file.fragments[index]!.resize(3 * 512);
    expect(await file.read(0, 4 * STRIPE)).toEqual(content);
    for (const fragment of file.fragments) fragment.resize(3 * 512);
    await expect(file.read(0, 4 * STRIPE)).rejects.toMatchObject({ code: 'EIO' });
    expect(await file.read(0, 3 * STRIPE)).toEqual(content.subarray(0, 3 * STRIPE));
  });

  test('does without fragments that are of a file with other attributes', async () => {
    const { file, content } = await fileOf(STRIPE);
    for (const index of [0, 5]) file.fragments[index]!.mode = 0o600;
    expect(await file.read(0, STRIPE)).toEqual(content);
    file.fragments[1]!.mode = 0o600;
    await expect(file.read(0, STRIPE)).rejects.toMatchObject({ code: 'EIO' });
  });

  test('ends with the file, and says so', async () => {
    const { file, content } = await fileOf(STRIPE + 5);
    const read = (offset: number, size: number) =>
      file.subject.read({ fd: file.fd, offset, size, flags: 0 }, rootContext());
    expect(await read(STRIPE, 100)).toMatchObject({ data: content.subarray(STRIPE), eof: true });
    expect(await read(STRIPE, 4)).toMatchObject({ eof: false, stat: { size: STRIPE + 5, blocks: 8 } });
    expect(await read(STRIPE + 5, 10)).toMatchObject({
      data: new Uint8Array(),
      eof: true,
      stat: { size: STRIPE + 5 },
    });
    expect(await read(1e12, 10)).toMatchObject({ data: new Uint8Array(), eof: true });
  });

  test('writes into the buffer that it was given only while its caller waits', async () => {
    const { file, content } = await fileOf(2 * STRIPE);
    const into = new Uint8Array(STRIPE);
    const aborter = new AbortController();
    const slow = file.fragments.map((fragment) => {
      let free = (): void => {};
      const freed = new Promise<void>((resolve) => (free = resolve));
      fragment.before = (fop) => (fop === 'read' ? freed : undefined);
      return free;
    });
    const context = { ...rootContext(), signal: aborter.signal };
    const request = { fd: file.fd, offset: 0, size: STRIPE, flags: 0, into };
    const reading = file.subject.read(request, context);
    aborter.abort();
    await expect(reading).rejects.toMatchObject({ code: 'ECANCELED' });
    for (const free of slow) free();
    await file.settle();
    expect(into).toEqual(new Uint8Array(STRIPE));
    const patient = { ...rootContext(), signal: new AbortController().signal };
    const { data } = await file.subject.read(request, patient);
    expect(data.buffer).toBe(into.buffer);
    expect(Buffer.compare(into, content.subarray(0, STRIPE))).toBe(0);
  });
});

describe('rchecksum', () => {
  test('is of the file, not of a fragment', async () => {
    const { file, content } = await fileOf(2 * STRIPE + 9);
    const xdata = new Dict().set(keys.checkZeroFilled, 1);
    const reply = await file.subject.rchecksum(
      { fd: file.fd, offset: 5, size: 1 << 20, flags: 0, xdata },
      rootContext(),
    );
    const strong = createHash('sha256').update(content.subarray(5)).digest();
    expect(Buffer.compare(reply.strong, strong)).toBe(0);
    expect(reply.flags).toBe(1);
    expect(reply.xdata?.get(keys.fipsChecksum)).toBe(1);
    expect(reply.xdata?.get(keys.zeroFilled)).toBe(0);
  });
});

describe('seek', () => {
  const seek = (file: StoredFragments, offset: number, what: number): Promise<number> =>
    file.subject.seek({ fd: file.fd, offset, what }, rootContext()).then((reply) => reply.offset);

  test('finds data and holes, stripe by stripe', async () => {
    const file = new StoredFragments({ data: 4, redundancy: 2 });
    await file.write(0, Buffer.alloc(STRIPE, 1));
    await file.write(5 * STRIPE, Buffer.alloc(STRIPE - 100, 2));
    expect(await seek(file, 10, SeekWhat.DATA)).toBe(10);
    expect(await seek(file, 10, SeekWhat.HOLE)).toBe(STRIPE);
    expect(await seek(file, STRIPE + 3, SeekWhat.DATA)).toBe(5 * STRIPE);
    expect(await seek(file, STRIPE + 3, SeekWhat.HOLE)).toBe(STRIPE + 3);
    expect(await seek(file, 5 * STRIPE + 1, SeekWhat.HOLE)).toBe(6 * STRIPE - 100);
    await expect(seek(file, 6 * STRIPE - 100, SeekWhat.HOLE)).rejects.toMatchObject({ code: 'ENXIO' });
    await file.truncate(9 * STRIPE);
    await expect(seek(file, 7 * STRIPE, SeekWhat.DATA)).rejects.toMatchObject({ code: 'ENXIO' });
  });

  test('asks another where one fails', async () => {
    const { file } = await fileOf(STRIPE);
    file.fails(superFastHash(file.inode.gfid) % 6, 'seek', 'EIO');
    expect(await seek(file, 1, SeekWhat.HOLE)).toBe(STRIPE);
    for (const index of file.fragments.keys()) file.fails(index, 'seek', 'EIO');
    await expect(seek(file, 1, SeekWhat.HOLE)).rejects.toMatchObject({ code: 'EIO' });
  });
});
