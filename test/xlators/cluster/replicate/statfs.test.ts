import { expect, test } from 'vitest';
import { Inode, rootContext } from '../../../../src/graph/index.ts';
import { ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import type { Statfs } from '../../../../src/protocol/messages.ts';
import { replicateType } from '../../../../src/xlators/cluster/replicate/index.ts';
import { RecordingChild, translatorOver } from '../../../helpers/recording-child.ts';

const disk: Statfs = {
  bsize: 4096,
  frsize: 4096,
  blocks: 1000,
  bfree: 500,
  bavail: 400,
  files: 100,
  ffree: 50,
  favail: 50,
  fsid: 1n,
  flag: 0n,
  namemax: 255,
};

function replica(available: readonly number[], given: Record<string, string> = {}) {
  const children = available.map((bavail, index) => {
    const child = new RecordingChild(`child-${index}`);
    child.answer('statfs', async () => ({ ...disk, bavail }));
    return child;
  });
  const top = translatorOver(replicateType, children, given);
  for (const child of children) child.raise({ kind: 'child-up' });
  const ask = () => top.statfs({ loc: { inode: new Inode(ROOT_GFID, 'directory') } }, rootContext());
  return { children, ask };
}

test('the room is that of the copy that has the least', async () => {
  const { ask, children } = replica([300, 100, 200]);
  expect(await ask()).toMatchObject({ bavail: 100, blocks: 1000 });
  children[1]!.raise({ kind: 'child-down' });
  expect(await ask()).toMatchObject({ bavail: 200 });
});

test('an arbiter is not asked', async () => {
  const { ask, children } = replica([300, 200, 1], { 'arbiter-count': '1' });
  expect(await ask()).toMatchObject({ bavail: 200 });
  expect(children[2]!.calls).toEqual([]);
  for (const index of [0, 1]) children[index]!.raise({ kind: 'child-down' });
  await expect(ask()).rejects.toMatchObject({ code: 'ENOTCONN' });
});

test('a copy that fails does not matter while another answers', async () => {
  const { ask, children } = replica([300, 100]);
  children[1]!.answer('statfs', () => Promise.reject(Object.assign(new Error('broken'), { code: 'EIO' })));
  expect(await ask()).toMatchObject({ bavail: 300 });
  children[0]!.answer('statfs', () => Promise.reject(Object.assign(new Error('broken'), { code: 'EIO' })));
  await expect(ask()).rejects.toMatchObject({ code: 'EIO' });
});
