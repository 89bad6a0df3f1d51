import { GlfsError } from '../../../errors.ts';
import { type CallContext, HEAL_PID } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';

/** Fragments keep what they are, and how far they have come, in attributes of names that begin so. */
const PREFIX = 'trusted.ec.';

export function isPrivate(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** @throws GlfsError EPERM where applications, or translators above, mean to change them. */
export function refusePrivate(names: Iterable<string>, translator: string): void {
  for (const name of names) {
    if (isPrivate(name)) throw new GlfsError('EPERM', `'${name}' belongs to disperse itself`, { translator });
  }
}

/** Without what is for healers only. Does not change `dict`. */
export function withoutPrivate(dict: Dict | undefined, { pid }: CallContext): Dict | undefined {
  if (dict === undefined || pid === HEAL_PID) return dict;
  const names = [...dict.names()].filter(isPrivate);
  if (names.length === 0) return dict;
  const visible = dict.clone();
  for (const name of names) visible.delete(name);
  return visible;
}
