/*
 * The promise: a client that has accessed a file is told, for as long as `cache-invalidation-timeout` after, when another client
 * changes it. The failure that it hides: caches of clients (attributes, extended attributes, names) that go on showing
 * what is no longer so.
 *
 * Telling is best effort: a client that could not be told (it is gone, or was cut off) drops its caches when it comes back.
 * The one who made the change is not told, nor is anyone of an access.
 */
import {
  type CallContext,
  type Client,
  type FopFunction,
  type Reply,
  type Request,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { isNullGfid } from '../../../protocol/gfid.ts';
import { UpcallFlag } from '../../../protocol/upcall-flag.ts';
import { Accesses } from './accesses.ts';
import { type Effect, effects } from './effects.ts';
import { options } from './options.ts';
import { RegisteredXattrs } from './registered-xattrs.ts';

/** GF_IPC_TARGET_UPCALL: the names in its xdata are those of the extended attributes that the client caches. */
const IPC_TARGET = 2;

/** As many as a brick of GlusterFS keeps inodes of (`inode-lru-limit`), four times over. */
const MOST_FILES = 65536;

export class Upcall extends Translator<typeof options> {
  private readonly registered = new RegisteredXattrs();
  private readonly accesses: Accesses;

  constructor(
    setup: TranslatorSetup<typeof options>,
    /** Seconds. */
    private readonly now: () => number = () => performance.now() / 1000,
    mostFiles = MOST_FILES,
  ) {
    super(setup);
    this.accesses = new Accesses(this.options['cache-invalidation-timeout'], mostFiles);
  }

  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    const effectsOf = effects[fop];
    if (effectsOf === undefined || !this.options['cache-invalidation']) return next;
    return async (request, context) => {
      const reply = await next(request, context);
      // Calls that the brick makes by itself have no client. Telling comes before the answer: who has seen that may ask another.
      if (context.client !== undefined)
        for (const effect of effectsOf(request, reply, this.registered)) this.spread(effect, context.client);
      return reply;
    };
  }

  private spread(effect: Effect, client: Client): void {
    if (isNullGfid(effect.gfid)) return;
    const now = this.now();
    if ((effect.flags & ~UpcallFlag.ATIME) !== 0)
      for (const other of this.accesses.others(effect.gfid, client, now)) this.tell(other, effect);
    const displaced = this.accesses.note(effect.gfid, client, now);
    // They will not be told of changes any more, so what they have cached can't be kept.
    if (displaced !== undefined)
      for (const other of displaced.clients)
        this.tell(other, { gfid: displaced.gfid, flags: UpcallFlag.FORGET });
  }

  private tell(client: Client, effect: Effect): void {
    const expiresIn = this.options['cache-invalidation-timeout'];
    this.emit({ kind: 'cache-invalidation', client, expiresIn, ...effect });
  }

  async ipc(request: Request<'ipc'>, context: CallContext): Promise<Reply<'ipc'>> {
    if (request.operation !== IPC_TARGET) return this.child.ipc(request, context);
    this.registered.add(request.xdata?.names() ?? []);
    return {};
  }

  override clientGone(client: Client): void {
    this.accesses.forget(client);
  }

  override dump(): Record<string, unknown> {
    return { files: this.accesses.size, xattrs: this.registered.size };
  }
}

export const upcallType: TranslatorType<typeof options> = {
  type: 'features/upcall',
  summary:
    'Tells clients of changes to files that they have accessed not long ago, so that their caches stay true.',
  options,
  create: (setup) => new Upcall(setup),
};
