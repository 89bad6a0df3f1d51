import type { Inode, Reply, Request } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { keys } from '../../../protocol/keys.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import type { Part } from './fops.ts';
import type { CopyAnswer, DataOperation } from './operation.ts';
import type { ReplicateState } from './state.ts';
import { runTransaction } from './transaction/index.ts';

/** Linux's O_DSYNC; O_SYNC has it, too. */
const O_DSYNC = 0o10000;

/** The arbiter keeps no bytes: it is told of a write by one that it does not keep either. */
const ARBITER_BYTES: readonly Uint8Array[] = [Uint8Array.of(0xff)];

export const write: Part<'write'> = (state, request, context) => {
  const { fd, offset, size, flags } = request;
  const append = (fd.flags & OpenFlag.APPEND) !== 0;
  const sent: Request<'write'> = { ...request, xdata: writeXdata(state, request.xdata) };
  const operation: DataOperation<'write'> = {
    fop: 'write',
    kind: 'data',
    inode: fd.inode,
    fd,
    // Where an append lands only the bricks know.
    range: append ? { start: 0, length: 0 } : { start: offset, length: size },
    unstable: ((fd.flags | flags) & O_DSYNC) === 0,
    // Heals compare sizes: what was appended and lost shows without marks.
    settles: everyOneAppended,
    lingers: true,
    measure: ({ count }) => count ?? size,
    wind: (child, caller, index) =>
      index === state.arbiter
        ? child
            .write({ ...sent, data: ARBITER_BYTES, size: 1 }, caller)
            .then((reply) => ({ ...reply, count: size }))
        : child.write(sent, caller),
  };
  return runTransaction(state, operation, context);
};

const questions = new WeakMap<ReplicateState, Dict>();

/** What transactions ask of each write, beside what the caller asks. */
function writeXdata(state: ReplicateState, given: Dict | undefined): Dict {
  let asked = questions.get(state);
  if (asked === undefined) {
    asked = new Dict()
      .set(keys.activeFdCount, 4)
      .set(keys.inodelkDomainCount, state.domain)
      .set(keys.writeIsAppend, 4);
    questions.set(state, asked);
  }
  return given === undefined ? asked : given.clone().merge(asked);
}

function everyOneAppended(answers: readonly (CopyAnswer<'write'> | undefined)[]): boolean {
  return answers.every((answer) => answer?.reply === undefined || appended(answer.reply));
}

function appended({ xdata }: Reply<'write'>): boolean {
  return (xdata?.get(keys.writeIsAppend) ?? 0) !== 0;
}

export const fsync: Part<'fsync'> = (state, request, context) => {
  const xdata = new Dict().merge(request.xdata).set(keys.inodelkDomainCount, state.domain);
  const sent = { ...request, xdata };
  const operation: DataOperation<'fsync'> = {
    fop: 'fsync',
    kind: 'data',
    inode: request.fd.inode,
    fd: request.fd,
    range: { start: 0, length: 0 },
    unstable: false,
    lingers: true,
    wind: (child, caller) => child.fsync(sent, caller),
  };
  return runTransaction(state, operation, context);
};

type Sizing = 'truncate' | 'ftruncate' | 'fallocate' | 'discard' | 'zerofill';

/** What changes a file's size or blocks, from `start` on: to its end where `length` is 0. */
function sizing<K extends Sizing>(
  change: Pick<DataOperation<K>, 'fop' | 'wind' | 'settles'> & {
    readonly inode: Inode;
    readonly fd?: DataOperation<K>['fd'];
    readonly start: number;
    readonly length?: number;
  },
): DataOperation<K> {
  const { start, length = 0, ...rest } = change;
  return { ...rest, kind: 'data', range: { start, length }, unstable: true, lingers: false };
}

function sameSize(answers: readonly (CopyAnswer<'truncate' | 'ftruncate'> | undefined)[]): boolean {
  return answers.every(
    (answer) => answer?.reply === undefined || answer.reply.prestat.size === answer.reply.poststat.size,
  );
}

export const truncate: Part<'truncate'> = (state, request, context) =>
  runTransaction(
    state,
    sizing<'truncate'>({
      fop: 'truncate',
      inode: request.loc.inode,
      start: request.offset,
      settles: sameSize,
      wind: (child, caller) => child.truncate(request, caller),
    }),
    context,
  );

export const ftruncate: Part<'ftruncate'> = (state, request, context) =>
  runTransaction(
    state,
    sizing<'ftruncate'>({
      fop: 'ftruncate',
      inode: request.fd.inode,
      fd: request.fd,
      start: request.offset,
      settles: sameSize,
      wind: (child, caller) => child.ftruncate(request, caller),
    }),
    context,
  );

export const fallocate: Part<'fallocate'> = (state, request, context) =>
  runTransaction(
    state,
    sizing<'fallocate'>({
      fop: 'fallocate',
      inode: request.fd.inode,
      fd: request.fd,
      start: request.offset,
      wind: (child, caller) => child.fallocate(request, caller),
    }),
    context,
  );

export const discard: Part<'discard'> = (state, request, context) =>
  runTransaction(
    state,
    sizing<'discard'>({
      fop: 'discard',
      inode: request.fd.inode,
      fd: request.fd,
      start: request.offset,
      wind: (child, caller) => child.discard(request, caller),
    }),
    context,
  );

export const zerofill: Part<'zerofill'> = (state, request, context) =>
  runTransaction(
    state,
    sizing<'zerofill'>({
      fop: 'zerofill',
      inode: request.fd.inode,
      fd: request.fd,
      start: request.offset,
      length: request.size,
      wind: (child, caller) => child.zerofill(request, caller),
    }),
    context,
  );
