import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Inode, rootContext } from '../../../../../src/graph/index.ts';
import { Dict } from '../../../../../src/protocol/dict.ts';
import { gfidToString, newGfid } from '../../../../../src/protocol/gfid.ts';
import { emptyIatt, S_IFREG } from '../../../../../src/protocol/iatt.ts';
import { keys } from '../../../../../src/protocol/keys.ts';
import { SetattrValid } from '../../../../../src/protocol/messages.ts';
import { has } from '../../../../../src/xlators/cluster/children.ts';
import { parts } from '../../../../../src/xlators/cluster/replicate/fops.ts';
import { ReplicaCopies } from '../../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

/*
 * Bricks forget which names of a directory differ where nobody is accused, and a call without xdata comes by. A change that is
 * under way has noted its name, and accuses nobody yet.
 */

let set: ReplicaCopies;
let directory: Inode;
beforeEach(async () => {
  set = await ReplicaCopies.start();
  directory = new Inode(newGfid(), 'directory');
  for (const copy of set.copies) await copy.mkdir('d', directory.gfid);
  await set.bricks[2]!.kill();
  await waitUntil(() => !has(set.state.up, 2), { what: 'the loss of a copy' });
});
afterEach(() => set[Symbol.asyncDispose]());

/** By brick. */
function noted(): string[][] {
  return [0, 1].map((index) => {
    const changes = join(set.bricks[index]!.directory, '.glusterfs/indices/entry-changes');
    const path = join(changes, gfidToString(directory.gfid));
    return existsSync(path) ? readdirSync(path) : [];
  });
}

test('a change of the directory’s own attributes leaves the names of changes under way', async () => {
  await set.on([0, 1], (copy) => copy.dirty('d', 'under way'));
  const stat = { ...emptyIatt(), mode: 0o700 };
  await parts.setattr(
    set.state,
    { loc: { inode: directory }, stat, valid: SetattrValid.MODE },
    rootContext(),
  );
  await set.state.fileLocks.settleAll();
  expect(noted()).toEqual([['under way'], ['under way']]);
});

test('a name that was forgotten while it was changed is noted with the accusation', async () => {
  const fault = await set.bricks[0]!.fault({ fop: 'mknod', action: 'delay', milliseconds: 200 });
  const loc = { inode: new Inode(), parent: directory, name: 'new' };
  const xdata = new Dict().set(keys.gfidRequest, newGfid());
  const request = { loc, dev: 0n, mode: S_IFREG | 0o644, umask: 0, xdata };
  const making = parts.mknod(set.state, request, rootContext());
  await waitUntil(async () => (await fault.acted()) === 1, { what: 'the change', everyMs: 2 });
  // As a self-heal daemon does that comes upon a directory without accusations in the index.
  await set.on([0, 1], (copy) => copy.accuse('d', [], {}));
  expect(noted()).toEqual([[], []]);
  await making;
  await waitUntil(() => noted().every((names) => names.includes('new')), {
    what: 'the name',
    timeoutMs: 2000,
  });
});
