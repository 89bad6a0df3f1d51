/*
 * The promise: nothing changes in the volume by this client's hand. The failure that it hides: none; it refuses before
 * anything is sent, so that a snapshot, whose bricks can't be written to, answers as a read-only file system does.
 *
 * This translator and debug/trace are the two to read first. It shows how little a translator needs: a class, its options
 * as data, and, because it treats all changes alike, one method that wraps fops when the graph is built.
 */
import { GlfsError } from '../../../errors.ts';
import { type FopFunction, type Request, Translator, type TranslatorType } from '../../../graph/index.ts';
import { entryBytes } from '../../../protocol/dict.ts';
import { type FopName, fops } from '../../../protocol/fops.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { options } from './options.ts';

export class ReadOnly extends Translator<typeof options> {
  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    // A fop that is returned as it came costs nothing when it is called.
    if (!this.options['read-only'] || !mayChange(fop)) return next;
    return (request, context) => {
      // Negative pids are internal callers: a heal must reach the bricks even so.
      if (context.pid < 0 || !changes(fop, request)) return next(request, context);
      return Promise.reject(
        new GlfsError('EROFS', 'the volume is read-only', { fop, translator: this.name }),
      );
    };
  }
}

/** By the fop table: a fop that is added there is refused here without another line. */
function mayChange(fop: FopName): boolean {
  return fop === 'open' || fops[fop].traits.mutates === true;
}

/** Does this very request change anything? */
function changes(fop: FopName, request: object): boolean {
  switch (fop) {
    case 'open': {
      const { flags } = request as Request<'open'>;
      return (flags & OpenFlag.ACCMODE) !== OpenFlag.RDONLY || (flags & OpenFlag.TRUNC) !== 0;
    }
    // Adding zero is how cluster translators read counters.
    case 'xattrop':
    case 'fxattrop':
      return [...((request as Request<'xattrop'>).dict ?? [])].some(([, entry]) =>
        entryBytes(entry).some((byte) => byte !== 0),
      );
    default:
      return true;
  }
}

export const readOnlyType: TranslatorType<typeof options> = {
  type: 'features/read-only',
  summary: 'Refuses every change with EROFS, before anything is sent.',
  options,
  create: (setup) => new ReadOnly(setup),
};
