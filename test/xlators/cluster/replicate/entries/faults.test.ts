import type { Volume } from '../../../../../src/index.ts';
import { type Act, playAll } from '../../../../helpers/replicate-scenes.ts';

async function file(volume: Volume, at: string): Promise<void> {
  await volume.writeFile(`${at}/old`, 'content');
}

async function namesIn(volume: Volume, at: string): Promise<string> {
  return (await volume.readdir(at)).sort().join(' ');
}

/** Each change of a name: what it does in a directory, and how copies are accused that miss it. */
const acts: Readonly<Record<string, Omit<Act, 'look' | 'doubts'>>> = {
  create: {
    fop: 'create',
    act: async (volume, at) => (await volume.open(`${at}/new`, 'wx')).close(),
    seen: { before: '', after: 'new' },
    marks: { '/': '0 0 1', new: '1 1 0' },
  },
  mkdir: {
    fop: 'mkdir',
    act: (volume, at) => volume.mkdir(`${at}/new`),
    seen: { before: '', after: 'new' },
    // The data counter of a new directory: all of it is missing, not only the names that the index notes.
    marks: { '/': '0 0 1', 'new/': '1 1 1' },
  },
  'mknod of a fifo': {
    fop: 'mknod',
    act: (volume, at) => volume.mknod(`${at}/new`, { type: 'fifo' }),
    seen: { before: '', after: 'new' },
    marks: { '/': '0 0 1', new: '0 1 0' },
  },
  symlink: {
    fop: 'symlink',
    act: (volume, at) => volume.symlink('anywhere', `${at}/new`),
    seen: { before: '', after: 'new' },
    marks: { '/': '0 0 1' },
  },
  link: {
    fop: 'link',
    before: file,
    act: (volume, at) => volume.link(`${at}/old`, `${at}/new`),
    seen: { before: 'old', after: 'new old' },
    marks: { '/': '0 0 1' },
  },
  unlink: {
    fop: 'unlink',
    before: file,
    act: (volume, at) => volume.unlink(`${at}/old`),
    seen: { before: 'old', after: '' },
    marks: { '/': '0 0 1' },
  },
  rmdir: {
    fop: 'rmdir',
    before: (volume, at) => volume.mkdir(`${at}/old`),
    act: (volume, at) => volume.rmdir(`${at}/old`),
    seen: { before: 'old', after: '' },
    marks: { '/': '0 0 1' },
  },
  'rename in one directory': {
    fop: 'rename',
    before: file,
    act: (volume, at) => volume.rename(`${at}/old`, `${at}/new`),
    seen: { before: 'old', after: 'new' },
    marks: { '/': '0 0 2' },
  },
  'rename over a file': {
    fop: 'rename',
    before: async (volume, at) => {
      for (const name of ['old', 'new']) await volume.writeFile(`${at}/${name}`, name);
    },
    act: (volume, at) => volume.rename(`${at}/old`, `${at}/new`),
    seen: { before: 'new old', after: 'new' },
    marks: { '/': '0 0 2' },
  },
  'rename over a directory': {
    fop: 'rename',
    before: async (volume, at) => {
      for (const name of ['old', 'new']) await volume.mkdir(`${at}/${name}`);
      await volume.writeFile(`${at}/old/inner`, 'content');
    },
    act: (volume, at) => volume.rename(`${at}/old`, `${at}/new`),
    seen: { before: 'new old', after: 'new' },
    marks: { '/': '0 0 2' },
  },
  'rename into another directory': {
    fop: 'rename',
    before: async (volume, at) => {
      await volume.mkdir(`${at}/sub`);
      await volume.writeFile(`${at}/old`, 'content');
    },
    act: (volume, at) => volume.rename(`${at}/old`, `${at}/sub/new`),
    seen: { before: 'old sub', after: 'sub' },
    marks: { '/': '0 0 1', 'sub/': '0 0 1' },
  },
};

/** Without a majority nobody is accused: the directories whose names were changed are in doubt. */
const doubtsOf = (marks: Act['marks']): Act['doubts'] =>
  Object.fromEntries(Object.entries(marks).filter(([path]) => path === '/' || path === 'sub/'));

playAll(
  Object.fromEntries(
    Object.entries(acts).map(([title, act]) => [
      title,
      { ...act, look: namesIn, doubts: doubtsOf(act.marks) },
    ]),
  ),
);
