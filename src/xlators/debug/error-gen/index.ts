/*
 * The promise: a share of calls fails with an error, and did nothing. The failure that it hides: none; it makes them, so that
 * whatever stands above shows whether it can bear them.
 */
import { type ErrnoCode, errnoByCode, GlfsError } from '../../../errors.ts';
import {
  type FopFunction,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import { type FopName, fops } from '../../../protocol/fops.ts';
import { parseEnabled } from '../fop-list.ts';
import { newSeed, seededRandom } from '../random.ts';
import { options } from './options.ts';

/** Errors that any call may meet, and those that only a change can. */
const anyCall: readonly ErrnoCode[] = ['EIO', 'EACCES', 'ENOMEM', 'EINTR', 'EAGAIN'];
const changes: readonly ErrnoCode[] = [...anyCall, 'ENOSPC', 'EROFS', 'EDQUOT'];

export class ErrorGen extends Translator<typeof options> {
  private readonly enabled: ReadonlySet<FopName>;
  private readonly code: ErrnoCode | undefined;
  private readonly seed: number;
  private readonly random: () => number;
  private passed = 0;
  private failed = 0;
  /** Calls until the next failure, where `random-failure` is on. */
  private countdown: number;

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    this.enabled = parseEnabled(this.options.enable, this);
    this.code = this.errnoOf(this.options['error-no']);
    this.seed = this.options.seed ?? newSeed();
    this.random = seededRandom(this.seed);
    this.countdown = this.nextCountdown();
  }

  /** GlusterFS takes EAGAIN for what it doesn't know, GF_ERROR_SHORT_WRITE among it for calls other than a write. */
  private errnoOf(text: string): ErrnoCode | undefined {
    if (text === '') return undefined;
    if (text in errnoByCode) return text as ErrnoCode;
    this.log.warn(
      { translator: this.name, option: 'error-no', value: text },
      'unknown errno, EAGAIN is taken',
    );
    return 'EAGAIN';
  }

  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    // A release can't fail: nobody could do anything about it.
    if (!this.enabled.has(fop) || fop === 'release' || fop === 'releasedir') return next;
    return (request, context) => {
      if (!this.shallFail()) {
        this.passed++;
        return next(request, context);
      }
      this.failed++;
      return Promise.reject(
        new GlfsError(this.choose(fop), 'a failure to order', { fop, translator: this.name }),
      );
    };
  }

  private shallFail(): boolean {
    if (!this.options['random-failure']) return this.random() * 100 < this.options.failure;
    if (--this.countdown > 0) return false;
    this.countdown = this.nextCountdown();
    return true;
  }

  private nextCountdown(): number {
    return 3 + Math.floor(this.random() * 42);
  }

  private choose(fop: FopName): ErrnoCode {
    if (this.code !== undefined) return this.code;
    const fitting = fops[fop].traits.mutates === true ? changes : anyCall;
    return fitting[Math.floor(this.random() * fitting.length)]!;
  }

  override dump(): Record<string, unknown> {
    return { seed: this.seed, passed: this.passed, failed: this.failed };
  }
}

export const errorGenType: TranslatorType<typeof options> = {
  type: 'debug/error-gen',
  summary: 'Lets a share of calls fail before they reach anything.',
  options,
  create: (setup) => new ErrorGen(setup),
};
