import type { CallContext, Inode } from '../graph/index.ts';
import { contextOf, type Identity } from './credentials.ts';
import type { Mount, VolumeInfo } from './mount.ts';
import { deviceOf } from './stats.ts';

/** A directory on the way from the root: how a path got there. */
export interface Step {
  readonly inode: Inode;
  /** Empty for the root, and for where a handle starts. */
  readonly name: string;
  readonly parent: Step | undefined;
}

/** What is open by way of a volume and its views: `close` of the volume closes it. */
export interface Opened {
  close(): Promise<void>;
}

/** Changes under way, of all callers: who closes the volume waits for them, even for those that nobody waits for any more. */
export class Changes {
  private count = 0;
  private whenDone: (() => void)[] = [];

  async follow<T>(change: () => Promise<T>): Promise<T> {
    this.count++;
    try {
      return await change();
    } finally {
      if (--this.count === 0) for (const wake of this.whenDone.splice(0)) wake();
    }
  }

  async done(): Promise<void> {
    if (this.count > 0) await new Promise<void>((resolve) => this.whenDone.push(resolve));
  }
}

/** What all calls on a volume or one of its views have in common. Immutable, but for what is open. */
export class Scope {
  readonly context: CallContext;
  /** Number of the volume in Stats. */
  readonly device: number;

  constructor(
    readonly mount: Mount,
    readonly info: VolumeInfo,
    readonly identity: Identity,
    /** Where relative paths start. */
    readonly start: Step,
    readonly opened: Set<Opened> = new Set(),
    readonly changes: Changes = new Changes(),
  ) {
    this.context = contextOf(identity);
    this.device = deviceOf(info.name);
  }

  with(changes: { identity?: Identity; start?: Step }): Scope {
    const { identity = this.identity, start = this.start } = changes;
    return new Scope(this.mount, this.info, identity, start, this.opened, this.changes);
  }
}

export function rootStep(mount: Mount): Step {
  return { inode: mount.root, name: '', parent: undefined };
}
