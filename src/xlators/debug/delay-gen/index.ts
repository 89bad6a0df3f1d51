/*
 * The promise: a share of calls goes down later than it came. The failure that it hides: none; it makes slow bricks and lets
 * calls overtake each other, so that whatever relies on their order shows it.
 */
import {
  type FopFunction,
  sleep,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { parseEnabled } from '../fop-list.ts';
import { newSeed, seededRandom } from '../random.ts';
import { options } from './options.ts';

export class DelayGen extends Translator<typeof options> {
  private readonly enabled: ReadonlySet<FopName>;
  private readonly seed: number;
  private readonly random: () => number;
  private passed = 0;
  private delayed = 0;

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    this.enabled = parseEnabled(this.options.enable, this);
    this.seed = this.options.seed ?? newSeed();
    this.random = seededRandom(this.seed);
  }

  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    const share = this.options['delay-percentage'];
    const milliseconds = this.options['delay-duration'] / 1000;
    if (!this.enabled.has(fop) || share === 0 || milliseconds === 0) return next;
    return async (request, context) => {
      if (this.random() * 100 < share) {
        this.delayed++;
        await sleep(milliseconds, context);
      } else {
        this.passed++;
      }
      return next(request, context);
    };
  }

  override dump(): Record<string, unknown> {
    return { seed: this.seed, passed: this.passed, delayed: this.delayed };
  }
}

export const delayGenType: TranslatorType<typeof options> = {
  type: 'debug/delay-gen',
  summary: 'Delays a share of calls.',
  options,
  create: (setup) => new DelayGen(setup),
};
