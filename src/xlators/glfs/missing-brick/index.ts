/*
 * The promise: none, it is a brick of which nothing is there; it keeps the place of a brick where a stopped volume is read from
 * the directories that are left, so that the others are what they were: cluster/disperse knows a fragment by its place,
 * cluster/replicate whom a copy accuses. The failure that it hides: none; it is down from the start.
 */
import { GlfsError } from '../../../errors.ts';
import { type FopFunction, Translator, type TranslatorType } from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';

class MissingBrick extends Translator {
  private get reason(): GlfsError {
    return new GlfsError('ENOTCONN', 'the brick is missing', { translator: this.name, outcome: 'failed' });
  }

  override own<K extends FopName>(fop: K): FopFunction<K> {
    return () => Promise.reject(this.reason.with({ fop }));
  }

  override async start(): Promise<void> {
    this.emit({ kind: 'child-down', reason: this.reason });
  }
}

export const missingBrickType: TranslatorType = {
  type: 'glfs/missing-brick',
  summary: 'Stands where a brick was that is missing: it is down.',
  options: {},
  create: (setup) => new MissingBrick(setup),
};
