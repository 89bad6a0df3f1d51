import { describe, expect, it } from 'vitest';
import { Fd, Inode, rootContext } from '../../../src/graph/index.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import { newGfid } from '../../../src/protocol/gfid.ts';
import { selinuxType } from '../../../src/xlators/features/selinux/index.ts';
import { RecordingChild, translatorOver } from '../../helpers/recording-child.ts';

const context = rootContext();
const inode = new Inode(newGfid(), 'file');
const request = { loc: { inode }, fd: new Fd(inode, 2) };
const label = Uint8Array.from([1, 2, 3]);

describe('features/selinux', () => {
  it.each(['setxattr', 'fsetxattr'] as const)(
    'stores the label under the name of the bricks: %s',
    async (fop) => {
      const child = new RecordingChild();
      const volume = translatorOver(selinuxType, [child]);
      const dict = new Dict().setBytes('security.selinux', label).setBytes('user.a', label);
      await volume[fop]({ ...request, flags: 0, dict }, context);
      const sent = (child.last.request as { dict: Dict }).dict;
      expect([...sent.names()]).toEqual(['trusted.glusterfs.selinux', 'user.a']);
      expect([...dict.names()][0], "the caller's dict stays as it was").toBe('security.selinux');
    },
  );

  it.each(['getxattr', 'fgetxattr'] as const)('and brings it back: %s', async (fop) => {
    const child = new RecordingChild();
    child.answer(fop, ({ name }) => ({ dict: new Dict().setBytes(name, label) }));
    const volume = translatorOver(selinuxType, [child]);
    const reply = await volume[fop]({ ...request, name: 'security.selinux' }, context);
    expect(child.last.request).toMatchObject({ name: 'trusted.glusterfs.selinux' });
    expect(reply.dict?.bytes('security.selinux')).toEqual(label);
    await volume[fop]({ ...request, name: 'user.a' }, context);
    expect(child.last.request).toMatchObject({ name: 'user.a' });
  });

  it('keeps out of the way where it is off', async () => {
    const child = new RecordingChild();
    const volume = translatorOver(selinuxType, [child], { selinux: 'off' });
    const dict = new Dict().setBytes('security.selinux', label);
    await volume.setxattr({ ...request, flags: 0, dict }, context);
    expect((child.last.request as { dict: Dict }).dict).toBe(dict);
    await volume.getxattr({ ...request, name: 'security.selinux' }, context);
    expect(child.last.request).toMatchObject({ name: 'security.selinux' });
  });
});
