import { type ErrnoCode, GlfsError } from '../../../errors.ts';
import type { Reply, Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { gfidEquals, gfidToString, isNullGfid } from '../../../protocol/gfid.ts';
import { compareTimes, type Iatt, isDirectory } from '../../../protocol/iatt.ts';
import type { Answer, Failure, Success } from '../wind.ts';
import { type Layout, type LayoutReport, mergeReports } from './layout.ts';
import { asDirectory, mergeIatt } from './merge.ts';
import type { DistributeState } from './state.ts';

type Lookup = Reply<'lookup'>;

/** The metadata subvolume of a directory, with what it says. */
export interface MdsView {
  readonly child: Subvolume;
  readonly stat: Iatt;
  /** Minus the number of attribute changes that may not have come to the other subvolumes. */
  readonly pending: number;
  readonly xdata: Dict | undefined;
}

/** One directory as all subvolumes together show it. */
export interface DirectoryView {
  readonly layout: Layout;
  /** Merged; absent where no subvolume has it. */
  readonly stat?: Iatt;
  readonly postparent?: Iatt;
  /** Attributes for the caller: without distribute's own. */
  readonly xdata: Dict;
  readonly mds?: MdsView;
  /** Subvolumes whose mode or owner differ from those of `source`. */
  readonly deviating: readonly Subvolume[];
  /** The attributes that all subvolumes should have. */
  readonly source?: Iatt;
  readonly directories: readonly Success<Lookup>[];
  /** Those that have something else under this name. */
  readonly strangers: readonly Success<Lookup>[];
  readonly failed: readonly Failure[];
}

/**
 * Puts the answers of all subvolumes together.
 * @throws GlfsError EIO where they don't mean the same directory (gfids differ).
 */
export function viewDirectory(
  state: DistributeState,
  answers: readonly Answer<Lookup>[],
  isRoot: boolean,
): DirectoryView {
  const good = answers.filter((answer): answer is Success<Lookup> => answer.error === undefined);
  const directories = good.filter(({ reply }) => isDirectory(reply.stat));
  const strangers = good.filter(({ reply }) => !isDirectory(reply.stat));
  refuseDifferent(state, directories);
  let stat: Iatt | undefined;
  let postparent: Iatt | undefined;
  for (const { reply } of directories) {
    stat = mergeIatt(stat, reply.stat);
    postparent = mergeIatt(postparent, asDirectory(reply.postparent));
  }
  const mds = isRoot ? undefined : findMds(state, directories);
  const source = isRoot ? rootSource(state, directories) : (mds?.stat ?? stat);
  return {
    layout: mergeReports(
      answers.flatMap((answer) => report(state, answer)),
      state.generation,
    ),
    stat: stat === undefined ? undefined : withAttributesOf(stat, source),
    postparent: postparent && asDirectory(postparent),
    xdata: visibleXdata(state, directories, mds),
    mds,
    source,
    deviating: directories.filter(({ reply }) => differs(reply.stat, source!)).map(({ child }) => child),
    directories,
    strangers,
    failed: answers.filter((answer): answer is Failure => answer.error !== undefined),
  };
}

function report(state: DistributeState, { child, error, reply }: Answer<Lookup>): LayoutReport[] {
  if (error !== undefined) return [{ child, error: error.code }];
  if (!isDirectory(reply.stat)) return [{ child, error: 'ENOTDIR' satisfies ErrnoCode }];
  return [{ child, bytes: reply.xdata?.bytes(state.attributes.layout.name) }];
}

function refuseDifferent(state: DistributeState, directories: readonly Success<Lookup>[]): void {
  const [first, ...others] = directories.filter(({ reply }) => !isNullGfid(reply.stat.gfid));
  const other = others.find(({ reply }) => !gfidEquals(reply.stat.gfid, first!.reply.stat.gfid));
  if (other === undefined) return;
  const named = ({ child, reply }: Success<Lookup>): string =>
    `${gfidToString(reply.stat.gfid)} on ${child.name}`;
  throw new GlfsError('EIO', `one directory with two gfids: ${named(first!)}, ${named(other)}`, {
    translator: state.name,
  });
}

function findMds(state: DistributeState, directories: readonly Success<Lookup>[]): MdsView | undefined {
  for (const { child, reply } of directories) {
    const bytes = reply.xdata?.bytes(state.attributes.mds.name);
    if (bytes === undefined || bytes.length < 4) continue;
    const pending = -new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0);
    return { child, stat: reply.stat, pending, xdata: reply.xdata };
  }
  return undefined;
}

/** The root has no mark: of the subvolumes that are part of the volume for long (have a layout), the last changed. */
function rootSource(state: DistributeState, directories: readonly Success<Lookup>[]): Iatt | undefined {
  const settled = directories.filter(({ reply }) => reply.xdata?.has(state.attributes.layout) === true);
  return (settled.length > 0 ? settled : directories)
    .map(({ reply }) => reply.stat)
    .reduce<Iatt | undefined>(
      (latest, stat) =>
        latest === undefined || compareTimes(stat.ctime, stat.ctimeNsec, latest.ctime, latest.ctimeNsec) > 0
          ? stat
          : latest,
      undefined,
    );
}

function withAttributesOf(stat: Iatt, source: Iatt | undefined): Iatt {
  if (source === undefined) return stat;
  return { ...stat, mode: source.mode, uid: source.uid, gid: source.gid };
}

function differs(stat: Iatt, source: Iatt): boolean {
  return stat.mode !== source.mode || stat.uid !== source.uid || stat.gid !== source.gid;
}

function visibleXdata(
  state: DistributeState,
  directories: readonly Success<Lookup>[],
  mds: MdsView | undefined,
): Dict {
  const merged = new Dict();
  for (const { reply } of directories) merged.merge(reply.xdata);
  // Where subvolumes disagree on an attribute, the metadata subvolume is right.
  merged.merge(mds?.xdata);
  return withoutInternal(state, merged);
}

/** Attributes that are distribute's own business never go up. */
export function withoutInternal(state: DistributeState, xdata: Dict): Dict {
  const { layout, mds, commitHash } = state.attributes;
  for (const key of [layout, mds, commitHash]) xdata.delete(key);
  return xdata;
}
