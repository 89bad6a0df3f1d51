import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GlfsError } from '../../../../src/index.ts';
import type { FopName } from '../../../../src/protocol/fops.ts';
import { BLOCK, gate, openGate, pattern, Striped } from './striped.ts';

/* What one subvolume fails, loses, or was not told because a client died. */

let striped: Striped;
beforeEach(async () => {
  striped = await Striped.start({ bricks: 3 });
});
afterEach(() => striped.stop());

/** A subvolume fails one kind of call, the first `times` of them. */
function fails(
  brick: number,
  fop: FopName,
  code: 'EIO' | 'ENOSPC' | 'ENOTCONN',
  times = Number.POSITIVE_INFINITY,
) {
  let left = times;
  gate.before = (at, called) => {
    if (at === brick && called === fop && left-- > 0) throw new GlfsError(code);
  };
}

/** From here on the client does nothing any more on `brick`, as if it had died; the call that it was in fails. */
function diesBefore(brick: number, fop: FopName): void {
  let dead = false;
  gate.before = (at, called) => {
    if (at === brick && called === fop) dead = true;
    // Locks go with the connection of who has died.
    if (dead && called !== 'entrylk') throw new GlfsError('EIO');
  };
}

function onDisk(name: string): boolean[] {
  return striped.bricks.map((brick) => existsSync(join(brick, name)));
}

describe('making', () => {
  test('a create that one subvolume fails leaves nothing', async () => {
    fails(2, 'create', 'ENOSPC');
    await expect(striped.volume.writeFile('/file', 'x')).rejects.toMatchObject({ code: 'ENOSPC' });
    openGate();
    expect(onDisk('file')).toEqual([false, false, false]);
    await striped.volume.writeFile('/file', 'x');
    expect(onDisk('file')).toEqual([true, true, true]);
  });

  test('a create that fails because there is a file leaves that file', async () => {
    const bytes = pattern(4 * BLOCK);
    await striped.volume.writeFile('/file', bytes);
    await expect(striped.volume.open('/file', 'wx')).rejects.toMatchObject({ code: 'EEXIST' });
    // Somebody else was faster: the name was not there when this client looked.
    const other = striped.volume;
    let hidden = true;
    gate.before = (_, fop) => {
      if (hidden && fop === 'lookup') throw new GlfsError('ENOENT');
      if (fop === 'create') hidden = false;
    };
    await expect(other.open('/file', 'wx')).rejects.toMatchObject({ code: 'EEXIST' });
    hidden = true;
    const opened = await other.open('/file', 'a+');
    await opened.close();
    openGate();
    expect((await striped.volume.readFile('/file')).equals(bytes)).toBe(true);
  });

  test('what its maker did not live to make is there with the next lookup, and in its place', async () => {
    diesBefore(2, 'create');
    await striped.volume.writeFile('/file', 'x').catch(() => {});
    openGate();
    expect(onDisk('file')).toEqual([true, true, false]);
    const bytes = pattern(5 * BLOCK + 3);
    await striped.volume.writeFile('/file', bytes);
    expect((await striped.volume.readFile('/file')).equals(bytes)).toBe(true);
    expect(striped.stripe(2, 'file')).toEqual(
      Buffer.concat([bytes.subarray(2 * BLOCK, 3 * BLOCK), bytes.subarray(5 * BLOCK)]),
    );
  });

  test('a directory that one subvolume fails leaves nothing; one that is missing there is made', async () => {
    fails(1, 'mkdir', 'ENOSPC');
    await expect(striped.volume.mkdir('/dir')).rejects.toMatchObject({ code: 'ENOSPC' });
    openGate();
    expect(onDisk('dir')).toEqual([false, false, false]);
    await striped.volume.mkdir('/dir', { mode: 0o710 });
    rmSync(join(striped.bricks[1]!, 'dir'), { recursive: true });
    await striped.open();
    expect((await striped.volume.stat('/dir')).mode & 0o7777).toBe(0o710);
    expect(onDisk('dir')).toEqual([true, true, true]);
    await striped.volume.writeFile('/dir/file', pattern(3 * BLOCK));
    expect((await striped.volume.readFile('/dir/file')).equals(pattern(3 * BLOCK))).toBe(true);
  });

  test('a further name that one subvolume fails is taken back', async () => {
    await striped.volume.writeFile('/file', pattern(BLOCK));
    fails(2, 'link', 'EIO');
    await expect(striped.volume.link('/file', '/more')).rejects.toMatchObject({ code: 'EIO' });
    openGate();
    expect(onDisk('more')).toEqual([false, false, false]);
    expect(onDisk('file')).toEqual([true, true, true]);
  });
});

describe('a stripe that is lost', () => {
  test('is EIO to whoever looks, and never zeros', async () => {
    await striped.volume.writeFile('/file', pattern(6 * BLOCK));
    await striped.alone(1, (volume) => volume.unlink('/file'));
    await expect(striped.volume.readFile('/file')).rejects.toMatchObject({ code: 'EIO' });
    await expect(striped.volume.stat('/file')).rejects.toMatchObject({ code: 'EIO' });
    expect(onDisk('file')).toEqual([true, false, true]);
    const [entry] = await striped.volume.readdir('/', { withFileTypes: true });
    expect(entry?.name).toBe('file');
  });

  test('under an open file is an error of the reads that need it', async () => {
    const bytes = pattern(6 * BLOCK);
    await striped.volume.writeFile('/file', bytes);
    const file = await striped.volume.open('/file', 'r');
    gate.before = (brick, fop) => {
      if (brick === 1 && (fop === 'read' || fop === 'fstat')) throw new GlfsError('ENOTCONN');
    };
    await expect(file.pread(3 * BLOCK, 0)).rejects.toMatchObject({ code: 'ENOTCONN' });
    const { buffer } = await file.pread(BLOCK, 2 * BLOCK);
    expect(buffer.equals(bytes.subarray(2 * BLOCK, 3 * BLOCK))).toBe(true);
    // Where the file ends nobody can say without it.
    await expect(file.pread(BLOCK, 5 * BLOCK + 1)).rejects.toMatchObject({ code: 'ENOTCONN' });
    openGate();
    await file.close();
  });
});

describe('removing and renaming', () => {
  test('a file whose removal one subvolume fails is gone, and its name can be made anew', async () => {
    await striped.volume.writeFile('/file', pattern(6 * BLOCK));
    fails(2, 'unlink', 'EIO');
    await striped.volume.unlink('/file');
    openGate();
    expect(onDisk('file')).toEqual([false, false, true]);
    await expect(striped.volume.stat('/file')).rejects.toMatchObject({ code: 'ENOENT' });
    await striped.volume.writeFile('/file', 'new');
    expect(String(await striped.volume.readFile('/file'))).toBe('new');
    expect(striped.stripe(2, 'file').length).toBe(0);
  });

  test('a removal that the first subvolume refuses has changed nothing', async () => {
    await striped.volume.writeFile('/file', pattern(6 * BLOCK));
    fails(0, 'unlink', 'EIO');
    await expect(striped.volume.unlink('/file')).rejects.toMatchObject({ code: 'EIO' });
    openGate();
    expect((await striped.volume.readFile('/file')).equals(pattern(6 * BLOCK))).toBe(true);
  });

  test('a directory in which there is only a link is not empty, and is still everywhere', async () => {
    await striped.volume.mkdir('/dir', { mode: 0o750 });
    await striped.volume.symlink('nowhere', '/dir/link');
    await expect(striped.volume.rmdir('/dir')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    expect(onDisk('dir')).toEqual([true, true, true]);
    await striped.volume.writeFile('/dir/file', pattern(4 * BLOCK));
    await striped.volume.rename('/dir', '/other');
    expect((await striped.volume.readFile('/other/file')).equals(pattern(4 * BLOCK))).toBe(true);
    await striped.volume.unlink('/other/link');
    await striped.volume.unlink('/other/file');
    await striped.volume.rmdir('/other');
    expect(onDisk('other')).toEqual([false, false, false]);
  });

  test('a rename that one subvolume fails is taken back', async () => {
    await striped.volume.writeFile('/old', pattern(6 * BLOCK));
    fails(1, 'rename', 'EIO', 1);
    await expect(striped.volume.rename('/old', '/new')).rejects.toMatchObject({ code: 'EIO' });
    openGate();
    expect(onDisk('old')).toEqual([true, true, true]);
    expect(onDisk('new')).toEqual([false, false, false]);
    expect((await striped.volume.readFile('/old')).equals(pattern(6 * BLOCK))).toBe(true);
  });

  test.each([false, true])(
    'a rename whose caller died half-way is completed by the next lookup (over a file: %s)',
    async (over) => {
      const bytes = pattern(6 * BLOCK + 5, 7);
      await striped.volume.writeFile('/old', bytes);
      if (over) await striped.volume.writeFile('/new', pattern(4 * BLOCK, 2));
      diesBefore(1, 'rename');
      await striped.volume.rename('/old', '/new').catch(() => {});
      openGate();
      expect(onDisk('old')[0]).toBe(false);
      expect(onDisk('new')).toEqual([true, over, over]);
      await striped.open();
      expect((await striped.volume.readFile('/new')).equals(bytes)).toBe(true);
      await expect(striped.volume.stat('/old')).rejects.toMatchObject({ code: 'ENOENT' });
      // The name that was left over is in nobody's way.
      await striped.volume.writeFile('/old', 'fresh');
      expect(String(await striped.volume.readFile('/old'))).toBe('fresh');
      expect((await striped.volume.readFile('/new')).equals(bytes)).toBe(true);
    },
  );

  test('a name that still belongs to a stripe somewhere else is not taken from it', async () => {
    const bytes = pattern(6 * BLOCK, 4);
    await striped.volume.writeFile('/old', bytes);
    diesBefore(1, 'rename');
    await striped.volume.rename('/old', '/new').catch(() => {});
    openGate();
    await striped.open();
    // Nobody has looked the new name up yet: the stripe has the old one alone.
    await expect(striped.volume.writeFile('/old', 'mine')).rejects.toMatchObject({ code: 'EIO' });
    expect((await striped.volume.readFile('/new')).equals(bytes)).toBe(true);
    await striped.volume.writeFile('/old', 'mine');
    expect((await striped.volume.readFile('/new')).equals(bytes)).toBe(true);
  });
});

describe('writing', () => {
  test('what was written from the front counts, where a later block fails', async () => {
    const file = await striped.volume.open('/file', 'w+');
    await file.pwrite(pattern(3 * BLOCK, 1), 0);
    fails(1, 'write', 'ENOSPC');
    await expect(file.pwrite(pattern(3 * BLOCK, 2), 0)).rejects.toMatchObject({ code: 'ENOSPC' });
    openGate();
    const { buffer } = await file.pread(3 * BLOCK, 0);
    expect(buffer.subarray(0, BLOCK).equals(pattern(3 * BLOCK, 2).subarray(0, BLOCK))).toBe(true);
    expect(buffer.subarray(BLOCK, 2 * BLOCK).equals(pattern(3 * BLOCK, 1).subarray(BLOCK, 2 * BLOCK))).toBe(
      true,
    );
    await file.close();
  });

  test('bytes that come while a read is under way are never zeros', async () => {
    const bytes = pattern(3 * BLOCK);
    const file = await striped.volume.open('/file', 'w+');
    const other = await striped.volume.open('/file', 'r+');
    let wrote = false;
    gate.after = async (brick, fop) => {
      if (wrote || brick !== 0 || fop !== 'read') return;
      wrote = true;
      // Below the order of calls of this client: as another one would.
      for (const stripe of [0, 1, 2])
        striped.put(stripe, 'file', bytes.subarray(stripe * BLOCK, (stripe + 1) * BLOCK));
    };
    const { buffer, bytesRead } = await file.pread(3 * BLOCK, 0);
    expect(wrote).toBe(true);
    expect(buffer.subarray(0, bytesRead).equals(bytes.subarray(0, bytesRead))).toBe(true);
    expect(bytesRead).toBe(3 * BLOCK);
    await file.close();
    await other.close();
  });
});
