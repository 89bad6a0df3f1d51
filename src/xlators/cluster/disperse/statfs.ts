import type { Reply } from '../../../graph/index.ts';
import { keyKinds } from '../../../protocol/keys.ts';
import { agreement } from './answers.ts';
import { ask, requireReadable } from './asking.ts';
import type { Part } from './fops.ts';

type Room = Reply<'statfs'>;

/** Set in a reply that speaks of a quota in place of a disk. */
const quotaDeem = keyKinds.int('quota-deem-statfs');

/** Room for whole files: the least that any has, as often as there are fragments of data. */
export const statfs: Part<'statfs'> = async (state, request, context) => {
  requireReadable(state);
  const answers = await ask(state, state.up, (child) => child.statfs(request, context));
  const { replies } = agreement(state, answers, () => 'room');
  const rooms = replies.map(({ reply }) => reply);
  const least = rooms.map(inUnits(Math.max(...rooms.map(({ frsize }) => frsize)))).reduce(tighter);
  // Bricks that tell of a quota tell of files, not of fragments.
  const times = (rooms[0]!.xdata?.get(quotaDeem) ?? 0) !== 0 ? 1 : state.data;
  return { ...least, blocks: least.blocks * times, bfree: least.bfree * times, bavail: least.bavail * times };
};

function inUnits(frsize: number): (room: Room) => Room {
  return (room) => {
    const scaled = (blocks: number): number => Math.floor((blocks * room.frsize) / frsize);
    const { blocks, bfree, bavail } = room;
    return { ...room, frsize, blocks: scaled(blocks), bfree: scaled(bfree), bavail: scaled(bavail) };
  };
}

/** Files take an inode on each. */
function tighter(a: Room, b: Room): Room {
  return {
    ...a,
    bsize: Math.max(a.bsize, b.bsize),
    blocks: Math.min(a.blocks, b.blocks),
    bfree: Math.min(a.bfree, b.bfree),
    bavail: Math.min(a.bavail, b.bavail),
    files: Math.max(a.files, b.files),
    ffree: Math.min(a.ffree, b.ffree),
    favail: Math.min(a.favail, b.favail),
    namemax: Math.min(a.namemax, b.namemax),
    flag: a.flag & b.flag,
  };
}
