import type { Reply } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { keys } from '../../../../protocol/keys.ts';
import { type ChildSet, has, indicesOf, NO_CHILDREN } from '../../children.ts';
import { lockError } from '../../heal-locks.ts';
import { wind, windAll } from '../../wind.ts';
import { type DataHeal, lockData, onSinks, requireSource, statOf } from './data-heal.ts';
import { examineAt, wantMarks } from './examine.ts';
import { checkpoint } from './session.ts';

const BLOCK = 128 * 1024;
/** Blocks in flight at once, however wide the window is: bounds memory. */
const MOST_AT_ONCE = 16;

type Algorithm = 'full' | 'diff';

/**
 * Copies the file window by window, each under a lock of its own: writers go on in between. What they write goes to all
 * copies, so a window that is done stays done.
 * @throws GlfsError where the heal must end: the marks stay
 */
export async function copyData(heal: DataHeal): Promise<void> {
  const { session, fd } = heal;
  const { state, context } = session;
  // The arbiter takes part in everything but the copying.
  const arbiter = heal.sinks & ~state.withData;
  heal.sinks &= state.withData;
  const { size } = statOf(heal, heal.source);
  const window = hasHoles(heal) ? BLOCK : BLOCK * state.options['data-self-heal-window-size'];
  const algorithm = chooseAlgorithm(heal);
  for (let offset = 0; offset < size; offset += window) await copyWindow(heal, offset, window, algorithm);
  if (state.options['ensure-durability']) {
    await onSinks(heal, (index) => state.children[index]!.fsync({ fd, datasync: 0 }, context));
  }
  heal.sinks |= arbiter;
}

/** Blocks are skipped one by one in sparse files, so that holes stay holes. */
function hasHoles(heal: DataHeal): boolean {
  const { blocks, size } = statOf(heal, heal.source);
  return blocks * 512 < size;
}

function chooseAlgorithm(heal: DataHeal): Algorithm {
  const chosen = heal.session.state.options['data-self-heal-algorithm'];
  if (chosen === 'full' || chosen === 'diff') return chosen;
  return indicesOf(heal.sinks).some((index) => statOf(heal, index).size > 0) ? 'diff' : 'full';
}

async function copyWindow(
  heal: DataHeal,
  offset: number,
  length: number,
  algorithm: Algorithm,
): Promise<void> {
  const { session, source } = heal;
  const { state, inode, context } = session;
  checkpoint(session);
  const range = { start: BigInt(offset), length: BigInt(length) };
  const lock = await lockData(session, range);
  try {
    if (!has(lock.on, source) || (lock.on & heal.sinks) === NO_CHILDREN) throw lockError(state, lock);
    heal.sinks &= lock.on;
    // Who wrote here before has told the others by now if the source took no part.
    const others = state.up & ~(1 << source);
    requireSource(heal, await examineAt(state, () => ({ inode }), context, others, wantMarks(state)));
    const end = Math.min(offset + length, statOf(heal, source).size);
    const starts: number[] = [];
    for (let start = offset; start < end; start += BLOCK) starts.push(start);
    while (starts.length > 0) {
      const some = starts.splice(0, MOST_AT_ONCE);
      // All of them, even where one has failed: what is on its way when the lock is gone would land on what clients write.
      const copied = await Promise.allSettled(some.map((start) => copyBlock(heal, start, algorithm)));
      for (const one of copied) if (one.status === 'rejected') throw one.reason;
    }
  } finally {
    await lock.release();
  }
}

async function copyBlock(heal: DataHeal, offset: number, algorithm: Algorithm): Promise<void> {
  const { session, fd, source } = heal;
  const { state, context } = session;
  const different = algorithm === 'diff' ? await differing(heal, offset) : heal.sinks;
  if (different === NO_CHILDREN) return;
  const { data } = await state.children[source]!.read({ fd, offset, size: BLOCK, flags: 0 }, context);
  if (data.length === 0) return;
  const targets =
    isZero(data) && hasHoles(heal) ? await notZero(heal, offset, data.length, different) : different;
  await onSinks(
    heal,
    async (index) => {
      const child = state.children[index]!;
      // A full disk takes a part; the next call says why it does not take the rest.
      for (let done = 0; done < data.length; ) {
        const rest = done === 0 ? data : data.subarray(done);
        const request = { fd, offset: offset + done, size: rest.length, flags: 0, data: [rest] };
        const { count = rest.length } = await child.write(request, context);
        if (count === 0) throw state.tooFew(heal.sinks & ~(1 << index));
        done += count;
      }
    },
    targets,
  );
}

/** Sinks whose block is not the source's, by checksums; and all of them where zeros must take up room as on the source. */
async function differing(heal: DataHeal, offset: number): Promise<ChildSet> {
  const { session, fd, source, sinks } = heal;
  const { state, context } = session;
  const asked = state.childrenOf(sinks | (1 << source));
  const xdata = new Dict().set(keys.checkZeroFilled, 1);
  const answers = await windAll(asked, (child) =>
    child.rchecksum({ fd, offset, size: BLOCK, flags: 0, xdata: xdata.clone() }, context),
  );
  const replyOf = (index: number): Reply<'rchecksum'> | undefined =>
    answers.find(({ child }) => child === state.children[index])?.reply;
  const right = replyOf(source);
  if (right === undefined) return sinks;
  if (right.xdata?.get(keys.zeroFilled) && !hasHoles(heal)) return sinks;
  return indicesOf(sinks)
    .filter((index) => !sameSum(right, replyOf(index)))
    .reduce((set, index) => set | (1 << index), NO_CHILDREN);
}

function sameSum(a: Reply<'rchecksum'>, b: Reply<'rchecksum'> | undefined): boolean {
  return (
    b !== undefined &&
    a.weak === b.weak &&
    Boolean(a.xdata?.get(keys.fipsChecksum)) === Boolean(b.xdata?.get(keys.fipsChecksum)) &&
    Buffer.compare(a.strong, b.strong) === 0
  );
}

/** Of `sinks` those that don't read as zeros here: the others keep their holes. */
async function notZero(heal: DataHeal, offset: number, size: number, sinks: ChildSet): Promise<ChildSet> {
  const { session, fd } = heal;
  const { state, context } = session;
  let set = NO_CHILDREN;
  for (const index of indicesOf(sinks)) {
    const { reply } = await wind(state.children[index]!, (child) =>
      child.read({ fd, offset, size, flags: 0 }, context),
    );
    if (reply === undefined || reply.data.length < size || !isZero(reply.data)) set |= 1 << index;
  }
  return set;
}

const zeros = Buffer.alloc(BLOCK);

function isZero(data: Uint8Array): boolean {
  return zeros.compare(data, 0, data.length, 0, data.length) === 0;
}
