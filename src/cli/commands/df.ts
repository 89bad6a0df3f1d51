import type { StatFs } from '../../api/types.ts';
import { command, requireUrls } from '../command.ts';
import { alignRows } from '../format.ts';
import type { Session } from '../session.ts';
import { humanSize } from '../sizes.ts';

interface DfOptions {
  humanReadable?: boolean;
  inodes?: boolean;
}

interface Row {
  readonly url: string;
  readonly space: StatFs;
}

/** Rounded up, as df does; `-` where there is nothing to have a share of. */
export function percentUsed(used: number, available: number): string {
  return used + available === 0 ? '-' : `${Math.ceil((used * 100) / (used + available))}%`;
}

function spaceRow({ url, space }: Row, human: boolean): string[] {
  const bytes = (blocks: number): string =>
    human ? humanSize(blocks * space.frsize) : String(Math.ceil((blocks * space.frsize) / 1024));
  const used = space.blocks - space.bfree;
  return [url, bytes(space.blocks), bytes(used), bytes(space.bavail), percentUsed(used, space.bavail)];
}

function inodeRow({ url, space }: Row, human: boolean): string[] {
  const count = (value: number): string => (human ? humanSize(value) : String(value));
  const used = space.files - space.ffree;
  return [url, count(space.files), count(used), count(space.ffree), percentUsed(used, space.ffree)];
}

function recordOf({ url, space }: Row): object {
  const { frsize, blocks, bfree, bavail, files, ffree } = space;
  return {
    url,
    size: blocks * frsize,
    used: (blocks - bfree) * frsize,
    available: bavail * frsize,
    inodes: files,
    inodesUsed: files - ffree,
    inodesFree: ffree,
  };
}

async function spaceOf(session: Session, url: string): Promise<Row> {
  const { location, volume } = await session.open(url);
  return { url, space: await volume.statfs(location.path, session.calls) };
}

export const df = command<DfOptions>({
  name: 'df',
  offline: 'all',
  summary: 'show how full volumes are',
  operands: 'URL...',
  options: [
    { flags: '-h, --human-readable', help: 'sizes like 1.5G' },
    { flags: '-i, --inodes', help: 'files instead of bytes' },
  ],
  examples: [['df -h gluster://server/vol', 'of the whole volume; where quota says so, of a directory']],
  async run(session, urls, options) {
    requireUrls(urls);
    const rows: Row[] = [];
    for (const url of urls) {
      session.check();
      const row = await session.report.attempt(url, () => spaceOf(session, url));
      if (row !== undefined) rows.push(row);
    }
    for (const row of rows) await session.out.record(recordOf(row));
    if (rows.length === 0) return;
    const { humanReadable: human = false, inodes = false } = options;
    const head = inodes
      ? ['Filesystem', 'Inodes', 'IUsed', 'IFree', 'IUse%']
      : ['Filesystem', human ? 'Size' : '1K-blocks', 'Used', human ? 'Avail' : 'Available', 'Use%'];
    const cells = rows.map((row) => (inodes ? inodeRow(row, human) : spaceRow(row, human)));
    const lines = alignRows([head, ...cells], ['left', 'right', 'right', 'right', 'right']);
    for (const line of lines) await session.out.line(line);
  },
});
