import { GlfsError } from '../../../errors.ts';
import type { FopTable, Request } from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { PENDING_PREFIX } from './changelog.ts';
import type { Part } from './fops.ts';
import type { Operation } from './operation.ts';
import { splitBrainSetxattr } from './split-brain/set.ts';
import { runTransaction } from './transaction/index.ts';

/** GlusterFS's own: what replicas say of each other. */
const reserved = [PENDING_PREFIX, 'trusted.glusterfs.afr.'];

type Wind<K extends FopName> = Operation<K>['wind'];
type ByPath = 'setattr' | 'setxattr' | 'removexattr' | 'xattrop';
type ByFd = 'fsetattr' | 'fsetxattr' | 'fremovexattr' | 'fxattrop';

export const setattr: Part<'setattr'> = byPath('setattr');
export const fsetattr: Part<'fsetattr'> = byFd('fsetattr');
export const removexattr = guarded(byPath('removexattr'), ({ name }) => [name]);
export const fremovexattr = guarded(byFd('fremovexattr'), ({ name }) => [name]);
export const xattrop: Part<'xattrop'> = byPath('xattrop');
export const fxattrop: Part<'fxattrop'> = byFd('fxattrop');
export const fsetxattr = guarded(byFd('fsetxattr'), ({ dict }) => dict?.names() ?? []);

const plainSetxattr = guarded(byPath('setxattr'), ({ dict }) => dict?.names() ?? []);

/**
 * Orders by which glusterd's own mounts have all copies accuse a brick that is new. Whoever sends them here takes the volume's
 * repair into his own hands, and would believe it done if they were kept like any other attribute.
 */
const brickOrders = ['trusted.add-brick', 'trusted.replace-brick'];

/** Some names are orders to replicate itself. */
export const setxattr: Part<'setxattr'> = async (state, request, context) => {
  const order = brickOrders.find((name) => request.dict?.has(name));
  if (order !== undefined) {
    throw new GlfsError('EOPNOTSUPP', `${order} is for glusterd's own mounts`, { translator: state.name });
  }
  return splitBrainSetxattr(state, request, context) ?? plainSetxattr(state, request, context);
};

function byPath<K extends ByPath>(fop: K): Part<K> {
  return (state, request, context) => {
    const { inode } = request.loc;
    const wind: Wind<K> = (child, own) => (child as FopTable)[fop](request, own);
    return runTransaction<K>(state, { kind: 'metadata', fop, inode, wind }, context);
  };
}

function byFd<K extends ByFd>(fop: K): Part<K> {
  return (state, request, context) => {
    const { fd } = request;
    const wind: Wind<K> = (child, own) => (child as FopTable)[fop](request, own);
    return runTransaction<K>(state, { kind: 'metadata', fop, inode: fd.inode, fd, wind }, context);
  };
}

/** The names under which copies accuse each other are for transactions and heals only, which go to the copies themselves. */
function guarded<K extends FopName>(
  part: Part<K>,
  namesOf: (request: Request<K>) => Iterable<string>,
): Part<K> {
  return async (state, request, context) => {
    for (const name of namesOf(request)) {
      if (reserved.some((prefix) => name.startsWith(prefix))) {
        throw new GlfsError('EPERM', `'${name}' belongs to replicate itself`, { translator: state.name });
      }
    }
    return part(state, request, context);
  };
}
