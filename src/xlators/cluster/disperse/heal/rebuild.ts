import { GlfsError } from '../../../../errors.ts';
import { CHUNK } from '../../../../gf8/index.ts';
import { type ChildSet, indicesOf, NO_CHILDREN } from '../../children.ts';
import { wind, windAll } from '../../wind.ts';
import { type DataHeal, dropSource, narrow, onSinks } from './data-heal.ts';
import { fragmentSize } from './direction.ts';
import { at, examine, firstOf } from './examine.ts';
import { type Hold, locked } from './locks.ts';
import { changedMeanwhile, checkpoint } from './session.ts';

/** `self-heal-window-size` counts blocks of the file. */
const WINDOW_UNIT = 128 * 1024;
/** Bytes of a fragment that are read and written at once. */
const BLOCK = 128 * 1024;
/** Blocks in flight at once, however wide the window is: bounds memory. */
const MOST_AT_ONCE = 4;
const BLOCK_OF_STAT = 512;

/**
 * Rebuilds the fragments window by window, each under a lock of its own: writers go on in between. What they write goes to
 * the sinks as well, so a window that is done stays done, and what they append is there.
 * @throws GlfsError where the heal must end: the marks stay
 */
export async function rebuild(heal: DataHeal): Promise<void> {
  const { session } = heal;
  const { state, inode } = session;
  const first = firstOf(heal.before, heal.sources);
  const end = fragmentSize(state, first.size);
  const unit = WINDOW_UNIT * state.options['self-heal-window-size'];
  const window = Math.max(1, Math.floor(unit / state.stripe)) * CHUNK;
  const sparse = indicesOf(heal.sources).some((index) => {
    const { blocks, size } = at(heal.before, index)!.stat;
    return blocks * BLOCK_OF_STAT < size;
  });
  for (let start = 0; start < end; start += window) {
    checkpoint(session);
    await locked(session, inode, async (hold) => {
      narrow(heal, await examine(session, inode, hold.on), hold.on);
      await rebuildWindow({ heal, hold, sparse }, start, Math.min(end, start + window));
    });
  }
}

interface Window {
  readonly heal: DataHeal;
  readonly hold: Hold;
  /** Holes are kept. */
  readonly sparse: boolean;
}

async function rebuildWindow(window: Window, start: number, end: number): Promise<void> {
  const starts: number[] = [];
  for (let offset = start; offset < end; offset += BLOCK) starts.push(offset);
  while (starts.length > 0) {
    const some = starts.splice(0, MOST_AT_ONCE);
    // All of them, even where one has failed: what is on its way when the lock is gone would land on what clients write.
    const done = await Promise.allSettled(
      some.map((offset) => rebuildBlock(window, offset, Math.min(BLOCK, end - offset))),
    );
    for (const one of done) if (one.status === 'rejected') throw one.reason;
  }
}

async function rebuildBlock({ heal, hold, sparse }: Window, offset: number, length: number): Promise<void> {
  const { session } = heal;
  const sources = await readSources(heal, offset, length);
  if (sources.size === 0) return;
  const lost = [...sources.keys()].some((index) => (hold.still() & (1 << index)) === 0);
  // Without its lock others may have written there, and not yet here.
  if (lost) throw changedMeanwhile(session, 'a subvolume was gone during the heal, and its lock with it');
  heal.sinks &= hold.still();
  const sinks = indicesOf(heal.sinks);
  if (sinks.length === 0) throw changedMeanwhile(session, 'what is healed was gone, and its lock with it');
  const rebuilt = await session.state.code.recreate(sources, sinks);
  const bytesOf = (index: number): Uint8Array => rebuilt[sinks.indexOf(index)]!;
  const targets = sparse ? await different(heal, offset, sinks, bytesOf) : heal.sinks;
  await onSinks(heal, (index) => writeAll(heal, index, offset, bytesOf(index)), targets);
}

/** As many fragments as it takes; another one's where one can't be read. Empty behind the end of the file. */
async function readSources(
  heal: DataHeal,
  offset: number,
  length: number,
): Promise<ReadonlyMap<number, Uint8Array>> {
  const { session, fd } = heal;
  const { state, context } = session;
  const read = new Map<number, Uint8Array>();
  while (read.size < state.data) {
    const missing = indicesOf(heal.sources).filter((index) => !read.has(index));
    const asked = missing.slice(0, state.data - read.size);
    if (asked.length === 0) throw state.tooFew(heal.sources);
    const answers = await windAll(
      asked.map((index) => state.children[index]!),
      (child) => child.read({ fd, offset, size: length, flags: 0 }, context),
    );
    for (const [position, { reply }] of answers.entries()) {
      const index = asked[position]!;
      if (reply !== undefined) read.set(index, reply.data);
      else dropSource(heal, index);
    }
  }
  const lengths = new Set([...read.values()].map((data) => data.length));
  const [bytes = 0] = lengths;
  if (lengths.size > 1 || bytes % CHUNK !== 0) {
    throw new GlfsError('EIO', 'good fragments are not of the same length', { translator: state.name });
  }
  return bytes === 0 ? new Map() : read;
}

async function writeAll(heal: DataHeal, index: number, offset: number, data: Uint8Array): Promise<void> {
  const { session, fd } = heal;
  const { state, context } = session;
  // A full disk takes a part; the next call says why it does not take the rest.
  for (let done = 0; done < data.length; ) {
    const rest = done === 0 ? data : data.subarray(done);
    const request = { fd, offset: offset + done, size: rest.length, flags: 0, data: [rest] };
    const { count = rest.length } = await state.children[index]!.write(request, context);
    if (count === 0) throw new GlfsError('EIO', 'nothing was written', { translator: state.name });
    done += count;
  }
}

/** Sinks that must be written to: zeros over what reads as zeros already would only fill holes. */
async function different(
  heal: DataHeal,
  offset: number,
  sinks: readonly number[],
  bytesOf: (index: number) => Uint8Array,
): Promise<ChildSet> {
  const { session, fd } = heal;
  const { state, context } = session;
  let set = NO_CHILDREN;
  for (const index of sinks) {
    const data = bytesOf(index);
    const here = isZero(data)
      ? await wind(state.children[index]!, (child) =>
          child.read({ fd, offset, size: data.length, flags: 0 }, context),
        )
      : undefined;
    const hole =
      here?.reply !== undefined && here.reply.data.length === data.length && isZero(here.reply.data);
    if (!hole) set |= 1 << index;
  }
  return set;
}

const zeros = Buffer.alloc(BLOCK);

function isZero(data: Uint8Array): boolean {
  return zeros.compare(data, 0, data.length, 0, data.length) === 0;
}
