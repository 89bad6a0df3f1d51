import { GlfsError } from '../../../errors.ts';
import type { Fd } from '../../../graph/index.ts';
import { Dict, entryInteger } from '../../../protocol/dict.ts';
import { parseSerializedDict, serializeDict } from '../../../protocol/dict-serialized.ts';

/**
 * How a mount takes its POSIX locks along when it changes its graph: it asks the old fd for this attribute and sets it on the
 * new one, which another connection has opened. The value is a dict: the brick's name to the number of the old fd.
 */
export const LOCKINFO = 'trusted.glusterfs.lockinfo';

/** Numbers of the fds that have been asked for. */
export class FdNumbers {
  private readonly numbers = new WeakMap<object, bigint>();
  private readonly fds = new Map<bigint, WeakRef<Fd>>();
  private next = 1n;

  /** The attribute's value. */
  describe(brick: string, fd: Fd): Uint8Array {
    let number = this.numbers.get(fd);
    if (number === undefined) {
      number = this.next++;
      this.numbers.set(fd, number);
      this.fds.set(number, new WeakRef(fd));
    }
    return serializeDict(new Dict().setEntry(brick, { type: 'uint', value: number }));
  }

  /** The fd that a value is about: `undefined` where it names none of this brick. @throws GlfsError EINVAL */
  resolve(brick: string, value: Uint8Array): Fd | undefined {
    try {
      const entry = parseSerializedDict(value).entry(brick);
      return entry === undefined ? undefined : this.fds.get(entryInteger(entry))?.deref();
    } catch (cause) {
      throw new GlfsError('EINVAL', `${LOCKINFO} can't be read`, { cause });
    }
  }

  forget(fd: Fd): void {
    const number = this.numbers.get(fd);
    if (number === undefined) return;
    this.numbers.delete(fd);
    this.fds.delete(number);
  }
}
