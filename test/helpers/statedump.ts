import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { signal } from './processes.ts';
import type { Brick } from './volume.ts';
import { waitUntil } from './wait.ts';

/** An inode with open fds in a brick's inode table. */
export interface OpenInode {
  gfid: string;
  /** Path within the brick while the inode has a name, otherwise ''. */
  path: string;
  /** `active`: in use, `lru`: remembered, `purge`, `invalidate`. */
  list: string;
  /** All fds, for directories those of OPENDIR as well (and those that 10.3 leaks for each OPEN of a directory). */
  fds: number;
  /** Those of them that a file was opened or created with. */
  activeFds: number;
}

/** A lock as the brick holds it, granted or still waited for. */
export interface BrickLock {
  kind: 'posix' | 'inode' | 'entry';
  /** gfid of the inode. */
  gfid: string;
  path: string;
  /** Lock domain; '' for POSIX locks. */
  domain: string;
  granted: boolean;
  /** READ or WRITE. */
  type: string;
  /** First byte and length (0: to the end); names instead for entry locks. */
  start: number;
  length: number;
  name: string;
  pid: number;
  /** lk-owner in hex. */
  owner: string;
  /** The client's id: its process-uuid from SETVOLUME. */
  client: string;
}

/** What a brick knows of its clients. */
export interface BrickState {
  fds: OpenInode[];
  locks: BrickLock[];
  /**
   * Ids (process-uuids) of clients that are known. A bug of 10.3 keeps the client of the first slot out of the
   * dump: for an exact count use `gluster volume status <volume> clients`.
   */
  clients: string[];
}

let turn: Promise<unknown> = Promise.resolve();

/** Takes a statedump of a brick and returns its text. One at a time: file names have a resolution of a second. */
export function statedump(brick: Brick): Promise<string> {
  const mine = turn.then(() => takeDump(brick));
  turn = mine.catch(() => undefined);
  return mine;
}

async function takeDump(brick: Brick): Promise<string> {
  const directory = brick.node.runDirectory;
  // <brick path with dashes>.<pid>.dump.<seconds>, renamed into place when it is whole
  const find = () => readdirSync(directory).filter((name) => name.includes(`.${brick.pid}.dump.`));
  for (const name of find()) rmSync(join(directory, name));
  signal(brick.pid, 'SIGUSR1');
  const name = await waitUntil(() => find()[0], { what: `the statedump of brick ${brick.path}` });
  const text = readFileSync(join(directory, name), 'utf8');
  rmSync(join(directory, name));
  return text;
}

/**
 * Open fds, locks and clients of a brick. With `client`, a prefix of client ids, only that client's locks and ids.
 * A statedump of GlusterFS 10 does not tell whose an fd is: `fds` are those of all clients.
 */
export async function brickState(brick: Brick, client = ''): Promise<BrickState> {
  const state = parseStatedump(await statedump(brick));
  return {
    fds: state.fds,
    locks: state.locks.filter((lock) => lock.client.startsWith(client)),
    clients: state.clients.filter((id) => id.startsWith(client)),
  };
}

/** Paths (relative to the brick) of the files and directories that a brick's process holds open on its disk. */
export function openFiles(brick: Brick): string[] {
  const directory = `/proc/${brick.pid}/fd`;
  const paths: string[] = [];
  for (const fd of readdirSync(directory)) {
    try {
      const target = readlinkSync(join(directory, fd));
      if (target.startsWith(`${brick.path}/`)) paths.push(target.slice(brick.path.length + 1));
    } catch {
      // closed meanwhile
    }
  }
  // What the brick keeps open for itself: the 256 directories of gfids, its health check, index and changelog.
  return paths.filter((path) => !ownFiles.test(path)).sort();
}

const ownFiles = /^\.glusterfs(\/([0-9a-f]{2}|unlink|health_check|indices.*|landfill|changelogs.*))?$/;

/** Parses the text of a brick's statedump. */
export function parseStatedump(text: string): BrickState {
  const state: BrickState = { fds: [], locks: [], clients: [] };
  let list = '';
  let inode: OpenInode | undefined;
  let domain = '';
  let within = '';
  for (const line of text.split('\n')) {
    const section = /^\[(.*)\]$/.exec(line)?.[1];
    if (section !== undefined) {
      const entry = /\.(active|lru|purge|invalidate)\.\d+$/.exec(section)?.[1];
      if (entry) list = entry;
      // Below an inode's own section stand those of the translators that keep something for it.
      within = entry ? 'inode' : /^xlator\.features\.locks\..*inode$/.test(section) ? 'locks' : '';
      if (/\.latency$|usage$|\.priv$/.test(section)) inode = undefined;
      domain = '';
      continue;
    }
    const split = line.indexOf('=');
    if (split < 0) continue;
    const key = line.slice(0, split);
    const value = line.slice(split + 1);
    if (/^conn\.\d+\.id$/.test(key)) state.clients.push(value);
    else if (key === 'gfid' && within === 'inode') {
      inode = { gfid: value, path: '', list, fds: 0, activeFds: 0 };
      state.fds.push(inode);
    } else if (!inode || !within) continue;
    else if (key === 'fd-count') inode.fds = Number(value);
    else if (key === 'active-fd-count') inode.activeFds = Number(value);
    else if (key === 'path') inode.path = value;
    else if (key === 'lock-dump.domain.domain') domain = value;
    else {
      const lock = /(posixlk|inodelk|entrylk)\[\d+\]\((ACTIVE|BLOCKED)\)$/.exec(key);
      if (lock) state.locks.push(parseLock(lock[1] ?? '', lock[2] === 'ACTIVE', domain, inode, value));
    }
  }
  state.fds = state.fds.filter((open) => open.fds > 0);
  return state;
}

function parseLock(
  kind: string,
  granted: boolean,
  domain: string,
  inode: OpenInode,
  value: string,
): BrickLock {
  const field = (pattern: RegExp) => pattern.exec(value)?.[1] ?? '';
  return {
    kind: kind === 'posixlk' ? 'posix' : kind === 'inodelk' ? 'inode' : 'entry',
    gfid: inode.gfid,
    path: inode.path,
    domain: kind === 'posixlk' ? '' : domain,
    granted,
    type: field(/type=(?:ENTRYLK_)?(\w+?)(?:LCK)?[, ]/)
      .replace(/^RD$/, 'READ')
      .replace(/^WR$/, 'WRITE'),
    start: Number(field(/start=(\d+)/)),
    length: Number(field(/len=(\d+)/)),
    name: field(/on basename=(.*?), pid = /),
    pid: Number(field(/pid = (-?\d+)/)),
    owner: field(/owner=([0-9a-f-]*)/).replaceAll('-', ''),
    client: field(/connection-id=(.*?)(?:, (?:granted|blocked) at |$)/),
  };
}
