import { toGlfsError } from '../../../errors.ts';
import type { Fd, FopFunction, Loc } from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import type { FopName } from '../../../protocol/fops.ts';

/** Wraps a lock call: a line when it is asked for, another when it is granted or refused. A wait lies between the two. */
export function traced<K extends FopName>(
  fop: K,
  next: FopFunction<K>,
  { name: translator, log }: { readonly name: string; readonly log: Logger },
): FopFunction<K> {
  return async (request, context) => {
    const { loc, fd, ...asked } = request as { loc?: Loc; fd?: Fd; xdata?: unknown };
    const { xdata: _xdata, ...lock } = asked;
    const gfid = (loc?.inode ?? fd?.inode)?.toString();
    const owner = Buffer.from(context.lkOwner).toString('hex');
    const line = { translator, fop, gfid, ...lock, owner, client: context.client?.id };
    log.info(line, 'lock requested');
    try {
      const reply = await next(request, context);
      log.info(line, 'lock granted');
      return reply;
    } catch (error) {
      log.info({ ...line, code: toGlfsError(error).code }, 'lock refused');
      throw error;
    }
  };
}
