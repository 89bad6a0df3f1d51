import { GlfsError } from '../../../../errors.ts';
import type { CallContext, Reply } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { emptyIatt, isRegular } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { XattropFlag } from '../../../../protocol/messages.ts';
import type { Place } from '../../../../syscalls.ts';
import type { PosixBrick, PosixFop } from '../brick.ts';
import { lookupXdata } from './lookup-xdata.ts';
import { checkAttribute, checkKind, GFID2PATH, identity } from './names.ts';
import { storedBytes } from './values.ts';

/** One element of an array: big-endian, it wraps around. */
interface Width {
  readonly bytes: number;
  get(buffer: Buffer, at: number): bigint;
  put(buffer: Buffer, at: number, value: bigint): void;
}

const i32: Width = {
  bytes: 4,
  get: (buffer, at) => BigInt(buffer.readInt32BE(at)),
  put: (buffer, at, value) => buffer.writeInt32BE(Number(BigInt.asIntN(32, value)), at),
};
const i64: Width = {
  bytes: 8,
  get: (buffer, at) => buffer.readBigInt64BE(at),
  put: (buffer, at, value) => buffer.writeBigInt64BE(BigInt.asIntN(64, value), at),
};

/** Namespaces in which there are counters. */
const COUNTED = ['trusted.', 'user.'];

/** Changes `held`, of the length that the attribute shall have, by `given`. */
type Operation = (held: Buffer, given: Buffer) => void;

function add({ bytes, get, put }: Width): Operation {
  return (held, given) => {
    for (let at = 0; at + bytes <= held.length; at += bytes) put(held, at, get(held, at) + get(given, at));
  };
}

/** The second half of `given` holds what an element is before the first addition: where it is missing, or zero. */
function addWithDefault({ bytes, get, put }: Width): Operation {
  return (held, given) => {
    for (let at = 0; at + bytes <= held.length; at += bytes) {
      const before = get(held, at);
      put(held, at, get(given, at) + (before === 0n ? get(given, held.length + at) : before));
    }
  };
}

const operations: ReadonlyMap<number, Operation> = new Map([
  [XattropFlag.ADD_ARRAY, add(i32)],
  [XattropFlag.ADD_ARRAY64, add(i64)],
  [XattropFlag.ADD_ARRAY_WITH_DEFAULT, addWithDefault(i32)],
  [XattropFlag.ADD_ARRAY64_WITH_DEFAULT, addWithDefault(i64)],
]);
const halved: ReadonlySet<number> = new Set([
  XattropFlag.ADD_ARRAY_WITH_DEFAULT,
  XattropFlag.ADD_ARRAY64_WITH_DEFAULT,
]);

/** The value before, filled up with zeros. @throws GlfsError ERANGE where it is longer than what is given. */
function heldValue(held: Buffer | undefined, name: string, length: number): Buffer {
  const value = Buffer.alloc(length);
  if (held !== undefined && held.length > length)
    throw new GlfsError('ERANGE', `${name} has ${held.length} bytes, not ${length}`);
  held?.copy(value);
  return value;
}

/** Does it to one attribute and returns what the reply says of it. */
function apply(
  brick: PosixBrick,
  place: Place,
  operation: number,
  name: string,
  given: Buffer,
): Buffer | undefined {
  checkAttribute(brick, name, given);
  checkKind(brick, place, name);
  // Counters are translators' own; what a file is, and who may do what with it, is not counted.
  if (identity.has(name) || name.startsWith(GFID2PATH) || !COUNTED.some((prefix) => name.startsWith(prefix)))
    throw new GlfsError('EPERM', `${name} is no counter`);
  const length = halved.has(operation) ? Math.floor(given.length / 2) : given.length;
  const held = brick.store.get(place, name);
  const value = heldValue(held, name, length);
  if (operation === XattropFlag.GET_AND_SET) {
    brick.store.set(place, name, given);
    return held === undefined ? undefined : value;
  }
  // Zeros only read: disperse asks for its counters so, and nothing is made of it.
  if (given.every((byte) => byte === 0)) return value;
  const change = operations.get(operation);
  if (change === undefined) throw new GlfsError('EINVAL', `no operation ${operation} on attributes`);
  change(value, given);
  brick.store.set(place, name, value);
  return value;
}

/**
 * Attribute by attribute, as they come, and nothing comes between two of them. Where they are on the file an error, or a crash,
 * leaves the earlier ones changed, as at GlusterFS's bricks; in the sidecar all change or none.
 */
function applyAll(
  brick: PosixBrick,
  place: Place,
  gfid: Gfid,
  {
    operation,
    dict,
    xdata,
  }: { readonly operation: number; readonly dict: Dict | undefined; readonly xdata?: Dict },
  context: CallContext,
): Reply<'xattrop'> {
  if (dict === undefined) throw new GlfsError('EINVAL', 'no attributes to operate on');
  const result = new Dict();
  brick.store.together(() => {
    for (const [name, entry] of dict) {
      const value = apply(brick, place, operation, name, Buffer.from(storedBytes(entry)));
      if (value !== undefined) result.setBytes(name, value);
    }
  });
  const reply = { dict: result, prestat: emptyIatt(), poststat: emptyIatt() };
  if (xdata === undefined) return reply;
  const stat = brick.iatt(place, gfid);
  const answered = lookupXdata(brick, place, stat, xdata, context);
  if (isRegular(stat) && xdata.has(keys.modeForDistribute)) answered.set(keys.modeForDistribute, stat.mode);
  return { ...reply, xdata: answered };
}

export const xattrop: PosixFop<'xattrop'> = async (brick, request, context) =>
  applyAll(brick, brick.placeOf(request.loc), request.loc.inode.gfid, request, context);

export const fxattrop: PosixFop<'fxattrop'> = (brick, request, context) =>
  brick.withDescriptor(request.fd, async (descriptor) =>
    applyAll(brick, descriptor, request.fd.inode.gfid, request, context),
  );
