import type { Volume } from '../../../../src/index.ts';
import { type Act, playAll } from '../../../helpers/replicate-scenes.ts';

async function file(volume: Volume, at: string): Promise<void> {
  await volume.writeFile(`${at}/old`, 'content');
  await volume.chmod(`${at}/old`, 0o644);
  await volume.setxattr(`${at}/old`, 'user.old', 'x');
}

async function withOpen(
  volume: Volume,
  at: string,
  act: (file: Awaited<ReturnType<Volume['open']>>) => Promise<unknown>,
): Promise<void> {
  await using opened = await volume.open(`${at}/old`, 'r+');
  await act(opened);
}

const modeOf = async (volume: Volume, at: string) => (await volume.stat(`${at}/old`)).mode & 0o7777;
const ownerOf = async (volume: Volume, at: string) => (await volume.stat(`${at}/old`)).uid;
const timeOf = async (volume: Volume, at: string) =>
  Math.trunc((await volume.stat(`${at}/old`)).mtimeMs) === 1000;
const attributesOf = async (volume: Volume, at: string) =>
  (await volume.listxattr(`${at}/old`)).sort().join(' ');

type Change = Omit<Act, 'marks' | 'doubts' | 'before'>;

/** Each change of attributes, by name and by open file. */
const changes: Readonly<Record<string, Change>> = {
  chmod: {
    fop: 'setattr',
    act: (volume, at) => volume.chmod(`${at}/old`, 0o600),
    look: modeOf,
    seen: { before: 0o644, after: 0o600 },
  },
  chown: {
    fop: 'setattr',
    act: (volume, at) => volume.chown(`${at}/old`, 12, 34),
    look: ownerOf,
    seen: { before: 0, after: 12 },
  },
  utimes: {
    fop: 'setattr',
    act: (volume, at) => volume.utimes(`${at}/old`, 1, 1),
    look: timeOf,
    seen: { before: false, after: true },
  },
  'chmod of an open file': {
    fop: 'fsetattr',
    act: (volume, at) => withOpen(volume, at, (opened) => opened.chmod(0o600)),
    look: modeOf,
    seen: { before: 0o644, after: 0o600 },
  },
  setxattr: {
    fop: 'setxattr',
    act: (volume, at) => volume.setxattr(`${at}/old`, 'user.new', 'y'),
    look: attributesOf,
    seen: { before: 'user.old', after: 'user.new user.old' },
  },
  'setxattr of an open file': {
    fop: 'fsetxattr',
    act: (volume, at) => withOpen(volume, at, (opened) => opened.setxattr('user.new', 'y')),
    look: attributesOf,
    seen: { before: 'user.old', after: 'user.new user.old' },
  },
  removexattr: {
    fop: 'removexattr',
    act: (volume, at) => volume.removexattr(`${at}/old`, 'user.old'),
    look: attributesOf,
    seen: { before: 'user.old', after: '' },
  },
  'removexattr of an open file': {
    fop: 'fremovexattr',
    act: (volume, at) => withOpen(volume, at, (opened) => opened.removexattr('user.old')),
    look: attributesOf,
    seen: { before: 'user.old', after: '' },
  },
};

playAll(
  Object.fromEntries(
    // As with GlusterFS, nothing tells of a change that too few copies have made: it is seen by comparing them.
    Object.entries(changes).map(([title, change]) => [
      title,
      { ...change, before: file, marks: { old: '0 1 0' }, doubts: { old: '0 1 0' } },
    ]),
  ),
);
