import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Inode, rootContext } from '../../../../src/graph/index.ts';
import { gfidToString, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { storeKinds } from './data-brick.ts';
import { posixGraph, request } from './entry-brick.ts';

const context = rootContext();

/** Starts the brick after a crash, looks at every file, and returns how many there are. */
async function inspect(directory: string, kind: string): Promise<number> {
  const graph = posixGraph(directory, { 'attribute-store': kind });
  await graph.start();
  try {
    const root = new Inode(ROOT_GFID, 'directory');
    const byGfid = new Map<string, bigint>();
    const names = readdirSync(directory).filter((name) => name !== '.glusterfs');
    for (const name of names) {
      const loc = { inode: new Inode(), parent: root, name };
      const { stat } = await graph.top.lookup({ loc, flags: 0, xdata: request() }, context);
      const { ino, nlink } = lstatSync(join(directory, name), { bigint: true });
      const id = gfidToString(stat.gfid);
      expect(byGfid.get(id) ?? ino, `${name} has the gfid of another file`).toBe(ino);
      byGfid.set(id, ino);
      // Found by gfid, too, and the handle counts as no link.
      const again = await graph.top.lookup({ loc: { inode: new Inode(stat.gfid) }, flags: 0 }, context);
      expect(again.stat.mode, name).toBe(stat.mode);
      if ((stat.mode & 0o170000) !== 0o040000) expect(stat.nlink, name).toBe(Number(nlink) - 1);
    }
    return names.length;
  } finally {
    await graph.close();
  }
}

async function killAfter(child: ChildProcess, messages: number): Promise<void> {
  for (let seen = 0; seen < messages; seen++) await once(child, 'message');
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

test.each(storeKinds())('a killed server leaves a brick that is whole (%s)', async (kind) => {
  const directory = mkdtempSync(join(tmpdir(), 'glfs-crash-'));
  const script = fileURLToPath(new URL('./churn-brick.ts', import.meta.url));
  try {
    for (let crash = 1; crash <= 3; crash++) {
      const child = fork(script, [directory, kind], { execArgv: ['--import', 'tsx'] });
      await killAfter(child, crash);
      expect(await inspect(directory, kind)).toBeGreaterThan(0);
    }
    expect(readdirSync(join(directory, '.glusterfs', 'landfill'))).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
