import type { Dict } from '../../../../protocol/dict.ts';
import type { Place } from '../../../../syscalls.ts';
import { ACL_ACCESS, ACL_DEFAULT, GFID, GFID2PATH, VOLUME_ID } from '../attributes/names.ts';
import { storedBytes } from '../attributes/values.ts';
import type { BrickDirectory } from '../brick-directory.ts';
import { hostError } from '../host-error.ts';
import { decodeMdata, MDATA_KEY } from '../mdata.ts';
import { mergeTimes } from '../times.ts';

const NAMESPACES = ['trusted.', 'user.', 'security.'];
const ACLS: readonly string[] = [ACL_ACCESS, ACL_DEFAULT];

/**
 * Gives a new file the attributes that its maker sent along in xdata (layouts, change logs, sizes of disperse, ACLs), so that it
 * is never seen without them. Requests of other kinds among them are passed over, and so is what the file system can't keep.
 */
export function setInitialAttributes(brick: BrickDirectory, place: Place, xdata: Dict): void {
  for (const [name, entry] of xdata) {
    if (name === GFID || name === VOLUME_ID || name.startsWith(GFID2PATH)) continue;
    if (!NAMESPACES.some((prefix) => name.startsWith(prefix)) && !ACLS.includes(name)) continue;
    if (name === MDATA_KEY && entry.type !== 'bytes') continue;
    const value = storedBytes(entry);
    if (name === MDATA_KEY) mergeTimes(brick, place, decodeMdata(value));
    else setInitial(brick, place, name, value);
  }
}

function setInitial(brick: BrickDirectory, place: Place, name: string, value: Uint8Array): void {
  try {
    // An ACL of the file system's own making gives way, a file that was there already keeps what it has.
    brick.store.set(place, name, value, ACLS.includes(name) ? undefined : 'create');
  } catch (error) {
    const { code } = hostError(error);
    if (code === 'EEXIST') return;
    if (code !== 'EOPNOTSUPP' && code !== 'EPERM') throw error;
    brick.log.warn({ brick: brick.name, attribute: name, code }, 'an attribute of a new file is lost');
  }
}
