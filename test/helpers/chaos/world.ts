import type { Volume } from '../../../src/index.ts';
import type { FaultRule } from '../../../src/testing/index.ts';
import type { LeftBehind } from './left-behind.ts';
import type { TransactionWatch } from './transaction-watch.ts';

/** A replica or disperse set in reach of a director: its bricks, and clients whose connections go by a watch. */
export interface World {
  readonly name: string;
  readonly size: number;
  /** Position of the brick without data. */
  readonly arbiter?: number;
  /** How many fragments make a file; undefined where bricks have copies. */
  readonly data?: number;
  /** Where the bricks lie. */
  readonly directories: readonly string[];
  readonly watch: TransactionWatch;
  /**
   * gfids of directories of which a heal has kept the names of all copies, since none was known to be right. Undefined
   * where others heal, too.
   */
  merged(): ReadonlySet<string> | undefined;
  /** With the seconds after which a brick that says nothing is given up. */
  connect(pingTimeout: number): Promise<Volume>;
  kill(brick: number): Promise<void>;
  restart(brick: number): Promise<void>;
  freeze(brick: number): Promise<void>;
  thaw(brick: number): Promise<void>;
  /** Breaks all connections of clients to a brick that goes on. */
  cut(brick: number): Promise<void>;
  /** Has a brick do wrong to calls, until it ends or `mend`; absent where bricks can't be told to. */
  readonly faults?: {
    order(brick: number, rule: FaultRule): Promise<void>;
    full(brick: number): Promise<void>;
    mend(brick: number): Promise<void>;
  };
  /** Heals everything there is, all bricks being up; tells how many files that were. @throws where something can't be healed */
  heal(): Promise<number>;
  /** Names below a directory that others than glfs should have removed, and have not. */
  leftBehind?(directory: string): readonly LeftBehind[];
  /** Locks of transactions that bricks, but those that are away, hold on files and directories below a directory. */
  locks(directory: string, away?: readonly number[]): Promise<string[]>;
}

/** So many bricks may miss something, and nothing may fail. */
export function tolerated({ size, data }: World): number {
  return data === undefined ? Math.ceil(size / 2) - 1 : size - data;
}
