import { closeSync, readSync } from 'node:fs';
import type { CallContext } from '../../../../graph/index.ts';
import { Dict, type DictEntry, entryInteger } from '../../../../protocol/dict.ts';
import { type Iatt, isDirectory, isRegular, isSymlink } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { OpenFlag } from '../../../../protocol/messages.ts';
import type { Place } from '../../../../syscalls.ts';
import type { PosixBrick } from '../brick.ts';
import { aclBehind, aclText } from './acl.ts';
import { ACL_DEFAULT, GFID2PATH, identity, isGeoReplication, isMarker } from './names.ts';
import { directoryPath } from './paths.ts';
import { isPattern, matcher } from './patterns.ts';
import { ANCESTRY } from './virtual.ts';

const LIST = 'list-xattr';
const LINK_COUNT = 'gf_request_link_count';
const SELINUX = 'security.selinux';
/** What a reply carries of a file's data at most, whatever was asked for: performance/quick-read asks for no more. */
const MOST_CONTENT = 1 << 20;
/** Patterns of one call that are looked for; those beyond bring nothing. */
const MOST_PATTERNS = 64;

/** For other translators of the brick; never looked for among the attributes, where a pattern could match them. */
const ignored: ReadonlySet<string> = new Set([
  LIST,
  'gfid-req',
  'gfidless-lookup',
  keys.internalFop.name,
  keys.inodelkCount.name,
  keys.entrylkCount.name,
  keys.posixlkCount.name,
  keys.parentEntrylk.name,
  'glusterfs.inodelk-dom-count',
]);

interface Found {
  readonly brick: PosixBrick;
  readonly place: Place;
  readonly stat: Iatt;
}

/** What is asked for by a name of its own; `undefined`: not for this file. */
type Answer = (found: Found, asked: DictEntry) => DictEntry | undefined;

/** quick-read: all of a small file, or nothing. */
const content: Answer = ({ brick, place, stat }, asked) => {
  const most = Math.min(Number(entryInteger(asked)), MOST_CONTENT);
  if (typeof place === 'number' || !isRegular(stat) || stat.size > most) return undefined;
  const descriptor = brick.openFile(place as Buffer, OpenFlag.RDONLY);
  try {
    const data = Buffer.alloc(stat.size);
    // Cut meanwhile, by a call that is under way: the zeros that are missing were never in the file.
    if (readSync(descriptor, data, 0, data.length, 0) < data.length) return undefined;
    return { type: 'bytes', value: data };
  } finally {
    closeSync(descriptor);
  }
};

const openFds: Answer = ({ brick, stat }) => ({ type: 'uint', value: BigInt(brick.openCount(stat.gfid)) });

const size: Answer = ({ stat }) => (isRegular(stat) ? { type: 'uint', value: BigInt(stat.size) } : undefined);

const ancestry: Answer = ({ brick, place, stat }) => {
  const path = typeof place !== 'number' && isDirectory(stat) ? directoryPath(brick, stat.gfid) : undefined;
  return path === undefined ? undefined : { type: 'str', value: path };
};

const answers: Readonly<Record<string, Answer>> = {
  [keys.content.name]: content,
  [keys.openFdCount.name]: openFds,
  [keys.activeFdCount.name]: openFds,
  [keys.getSize.name]: size,
  [ANCESTRY]: ancestry,
  [LINK_COUNT]: (_, asked) => asked,
};

function acl({ brick, place, stat }: Found, stored: string): DictEntry | undefined {
  if (isSymlink(stat) || (stored === ACL_DEFAULT && !isDirectory(stat))) return undefined;
  return { type: 'str', value: aclText(brick, place, stored) };
}

/** Whether `list-xattr` brings it along: what belongs to the brick itself and to markers stays. */
function isListed(name: string): boolean {
  return !(
    identity.has(name) ||
    name === SELINUX ||
    name.startsWith(GFID2PATH) ||
    isMarker(name) ||
    isGeoReplication(name)
  );
}

/**
 * What a LOOKUP, or READDIRP for one entry, was asked to bring along by the names in its xdata; several other calls answer the
 * same way. `place` and `stat` are of the file that was found. Names may be patterns (`trusted.glusterfs.*`). Nothing is
 * brought along unless asked for, and what the file doesn't have is no error.
 */
export function lookupXdata(
  brick: PosixBrick,
  place: Place,
  stat: Iatt,
  wanted: Dict | undefined,
  _context: CallContext,
): Dict {
  const reply = new Dict();
  if (wanted === undefined) return reply;
  const found: Found = { brick, place, stat };
  // Listed once, and only where an attribute is asked for at all.
  let listed: string[] | undefined;
  const names = (): string[] => (listed ??= brick.store.list(place));
  const bring = (name: string): void => {
    const value = brick.store.get(place, name);
    if (value !== undefined) reply.setBytes(name, value);
  };
  let patterns = 0;
  for (const [name, asked] of wanted) {
    if (ignored.has(name)) continue;
    const stored = aclBehind(name);
    const entry = stored === undefined ? answers[name]?.(found, asked) : acl(found, stored);
    if (entry !== undefined) reply.setEntry(name, entry);
    else if (stored !== undefined || name in answers) continue;
    else if (isPattern(name)) {
      if (++patterns <= MOST_PATTERNS) names().filter(matcher(name)).forEach(bring);
    } else if (names().includes(name)) bring(name);
  }
  if (wanted.has(LIST)) for (const name of names()) if (isListed(name) && !reply.has(name)) bring(name);
  return reply;
}
