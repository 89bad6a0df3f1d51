/*
 * The promise: while the barrier is up, no client learns that a change of the kinds below has happened, although it has. What
 * no client knows of yet may be missing in a snapshot, so that one taken then is consistent across the bricks. The failure that
 * it hides: a snapshot that hangs; after a time the answers go out even so.
 */
import {
  type FopFunction,
  type Request,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { options } from './options.ts';

/** Calls whose answer says that something is on disk, or gone from there. Others may be lost in a crash as well. */
const acknowledged = new Set<FopName>([
  'rmdir',
  'unlink',
  'rename',
  'removexattr',
  'fremovexattr',
  'truncate',
  'ftruncate',
  'fsync',
  'write',
]);

/** O_SYNC, which contains O_DSYNC, as on the wire. */
const SYNCHRONOUS = 0o4010000;

export class Barrier extends Translator<typeof options> {
  private up = false;
  private timer: NodeJS.Timeout | undefined;
  /** Answers held back, in the order in which they came. */
  private held: (() => void)[] = [];

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    if (this.options.barrier) this.setBarrier(true);
  }

  /**
   * Puts the barrier up or takes it down, which lets all answers go.
   * @returns false where it was so already; the time that it stays up goes on from when it was put up.
   */
  setBarrier(on: boolean): boolean {
    if (on === this.up) return false;
    this.up = on;
    if (on) this.timer = setTimeout(() => this.expire(), this.options['barrier-timeout'] * 1000);
    else this.letGo();
    return true;
  }

  private expire(): void {
    const { name: translator } = this;
    this.log.error(
      { translator, held: this.held.length },
      'the barrier has been up too long, it is taken down',
    );
    this.setBarrier(false);
  }

  private letGo(): void {
    clearTimeout(this.timer);
    const held = this.held;
    this.held = [];
    for (const answer of held) answer();
  }

  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    if (!acknowledged.has(fop)) return next;
    return async (request, context) => {
      if (fop === 'write' && !isSynchronous(request as unknown as Request<'write'>)) {
        return next(request, context);
      }
      try {
        return await next(request, context);
      } finally {
        // Failures are held, too: that a name is not there is knowledge of those that went before.
        if (this.up) await new Promise<void>((resolve) => this.held.push(resolve));
      }
    };
  }

  override async close(): Promise<void> {
    this.setBarrier(false);
  }

  override dump(): Record<string, unknown> {
    return { up: this.up, timeout: this.options['barrier-timeout'], held: this.held.length };
  }
}

function isSynchronous({ flags, fd }: Request<'write'>): boolean {
  return ((flags | fd.flags) & SYNCHRONOUS) !== 0;
}

export const barrierType: TranslatorType<typeof options> = {
  type: 'features/barrier',
  summary: 'Holds back the answers of changes while a snapshot is taken.',
  options,
  create: (setup) => new Barrier(setup),
};
