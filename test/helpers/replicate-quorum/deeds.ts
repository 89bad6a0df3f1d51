import type { Volume } from '../../../src/index.ts';

let serial = 0;
const fresh = (): string => `/dir/new-${serial++}`;

/** What a set without quorum must refuse, call by call. */
export const deeds: Readonly<Record<string, (volume: Volume) => Promise<unknown>>> = {
  stat: (volume) => volume.stat('/dir/file'),
  read: (volume) => volume.readFile('/dir/file'),
  list: (volume) => volume.readdir('/dir'),
  getxattr: (volume) => volume.getxattr('/dir/file', 'user.there'),
  write: async (volume) => {
    const file = await volume.open('/dir/file', 'r+');
    await file.pwrite('x', 0).finally(() => file.close());
  },
  truncate: (volume) => volume.truncate('/dir/file', 100),
  create: async (volume) => (await volume.open(fresh(), 'wx')).close(),
  mkdir: (volume) => volume.mkdir(fresh()),
  mknod: (volume) => volume.mknod(fresh(), { type: 'fifo' }),
  symlink: (volume) => volume.symlink('target', fresh()),
  link: (volume) => volume.link('/dir/file', fresh()),
  rename: async (volume) => {
    const name = `/dir/moved-${serial++}`;
    await volume.rename('/dir/movable', name);
    await volume.rename(name, '/dir/movable');
  },
  unlink: async (volume) => {
    await volume.writeFile('/dir/doomed', 'x');
    await volume.unlink('/dir/doomed');
  },
  rmdir: async (volume) => {
    await volume.mkdir('/dir/doomed-dir');
    await volume.rmdir('/dir/doomed-dir');
  },
  chmod: (volume) => volume.chmod('/dir/file', 0o600 + (serial++ % 64)),
  setxattr: (volume) => volume.setxattr('/dir/file', 'user.there', String(serial++)),
};

/** What they need to be there. */
export const asked = {
  async prepare(volume: Volume): Promise<void> {
    await volume.mkdir('/dir');
    await volume.writeFile('/dir/file', 'content');
    await volume.writeFile('/dir/movable', 'content');
    await volume.setxattr('/dir/file', 'user.there', 'x');
  },
};
