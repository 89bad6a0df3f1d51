import { FOP_PROGRAM, type FopName, fopNames, fops } from '../../../src/protocol/fops.ts';
import { EntryLockCommand, LockType } from '../../../src/protocol/messages.ts';
import type { Direction, Verdict } from '../faults.ts';
import type { RecordHead } from '../sun-rpc-records.ts';

/** A moment in a transaction at which something is to happen to a brick. */
export interface Moment {
  readonly fop: FopName;
  /** Which of them, from now. */
  readonly nth: number;
  /** Before the brick gets the call, or when it has done it and the client doesn't know yet. */
  readonly when: Direction;
}

/** What was under way at a brick when it was cut off. */
export interface Interruption {
  /** Locks of transactions that clients held there. */
  readonly locks: number;
  /** Changes that were sent and not answered. */
  readonly changes: number;
}

interface Seen {
  locks: number;
  readonly changes: Set<number>;
  armed?: { moment: Moment; left: number; act: () => Promise<void> };
}

const byProcedure = new Map<number, FopName>(fopNames.map((name) => [fops[name].procedure, name]));
const locking: ReadonlySet<FopName> = new Set<FopName>(['inodelk', 'finodelk', 'entrylk', 'fentrylk']);
const byFd: ReadonlySet<FopName> = new Set<FopName>(['finodelk', 'fentrylk']);

/** A bystander between clients and bricks that knows whether they are in the midst of a transaction. */
export class TransactionWatch {
  private readonly bricks: readonly Seen[];
  /** Bricks that went away, and how many of them in a transaction: with locks held, and with changes under way. */
  readonly tally = { cuts: 0, locked: 0, changing: 0 };

  constructor(size: number) {
    this.bricks = Array.from({ length: size }, () => ({ locks: 0, changes: new Set<number>() }));
  }

  /** Looks at a record of a brick's connection, as proxies want it. */
  async inspect(brick: number, head: RecordHead, direction: Direction, bytes: Buffer): Promise<Verdict> {
    const seen = this.bricks[brick]!;
    const fop = head.program === FOP_PROGRAM ? byProcedure.get(head.procedure) : undefined;
    if (fop === undefined) return 'pass';
    const { armed } = seen;
    if (armed?.moment.fop === fop && armed.moment.when === direction && --armed.left === 0) {
      if (direction === 'toServer') this.note(seen, fop, head, direction, bytes);
      seen.armed = undefined;
      await armed.act();
      return 'drop';
    }
    this.note(seen, fop, head, direction, bytes);
    return 'pass';
  }

  private note(seen: Seen, fop: FopName, head: RecordHead, direction: Direction, bytes: Buffer): void {
    if (direction === 'toClient') seen.changes.delete(head.xid);
    else if (locking.has(fop)) seen.locks = Math.max(0, seen.locks + (unlocks(fop, bytes) ? -1 : 1));
    else if (fops[fop].traits.mutates) seen.changes.add(head.xid);
  }

  /** Has something happen to a brick at a moment. What it answers gives up; false: it has happened, or is happening. */
  arm(brick: number, moment: Moment, act: () => Promise<void>): () => boolean {
    const seen = this.bricks[brick]!;
    const armed = { moment, left: moment.nth, act };
    seen.armed = armed;
    return () => {
      if (seen.armed !== armed) return false;
      seen.armed = undefined;
      return true;
    };
  }

  /** The brick is cut off now: counts what that interrupts. */
  cut(brick: number): Interruption {
    const seen = this.bricks[brick]!;
    const found = { locks: seen.locks, changes: seen.changes.size };
    seen.locks = 0;
    seen.changes.clear();
    this.tally.cuts++;
    if (found.locks > 0) this.tally.locked++;
    if (found.locks > 0 && found.changes > 0) this.tally.changing++;
    return found;
  }
}

/**
 * Marker, xid, CALL, 2, program, version, procedure, credential and verifier (flavor, opaque); then gfid[16], for fds their
 * number (i64), u32 command; of inodelks also u32 type.
 */
function unlocks(fop: FopName, bytes: Buffer): boolean {
  let at = 28;
  for (let part = 0; part < 2; part++) at += 8 + ((bytes.readUInt32BE(at + 4) + 3) & ~3);
  at += 16 + (byFd.has(fop) ? 8 : 0);
  return fop.endsWith('entrylk')
    ? bytes.readUInt32BE(at) === EntryLockCommand.UNLOCK
    : bytes.readUInt32BE(at + 4) === LockType.UNLOCK;
}
