import { readFile } from 'node:fs/promises';
import type { Logger } from '../../../logger.ts';

interface Known {
  readonly groups: readonly number[];
  /** Milliseconds of `performance.now()`. */
  readonly until: number;
}

const MOST_KNOWN = 10_000;

/** Groups of users as this host's /etc/passwd and /etc/group have them (`manage-gids`), remembered for a while. */
export class HostGroups {
  private readonly known = new Map<number, Known>();

  constructor(
    /** Milliseconds. */
    private readonly lifetime: number,
    private readonly log: Logger,
    private readonly directory = '/etc',
  ) {}

  /** As getgrouplist(3), the primary group `gid` included; none where the host doesn't know the user. */
  async of(uid: number, gid: number): Promise<readonly number[]> {
    const known = this.known.get(uid);
    if (known !== undefined && performance.now() < known.until) return known.groups;
    const groups = await this.read(uid, gid);
    if (this.known.size >= MOST_KNOWN) this.known.clear();
    this.known.set(uid, { groups, until: performance.now() + this.lifetime });
    return groups;
  }

  private async read(uid: number, gid: number): Promise<readonly number[]> {
    try {
      const user = fieldsOf(await readFile(`${this.directory}/passwd`, 'utf8')).find(
        ([, , id]) => Number(id) === uid,
      );
      if (user === undefined) return [];
      const groups = fieldsOf(await readFile(`${this.directory}/group`, 'utf8'))
        .filter(([, , , members]) => members?.split(',').includes(user[0]!))
        .map(([, , id]) => Number(id));
      return [...new Set([gid, ...groups])];
    } catch (err) {
      this.log.warn({ err, uid }, 'manage-gids: the groups of a user could not be read');
      return [];
    }
  }
}

/* passwd(5), group(5): lines of fields with colons between them */
function fieldsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}
