import { command, requireUrls } from '../command.ts';
import { type Entry, readEntries, readEntry } from '../entries.ts';
import { ExitCode } from '../errors.ts';
import { type Layout, listingLines, type SortKey, sortListed, totalLine } from '../listing.ts';
import { childOf } from '../locate.ts';
import { quote, quoteIfNeeded } from '../quote.ts';
import { fileRecord } from '../records.ts';
import type { Opened, Session } from '../session.ts';
import { codeOf } from '../strerror.ts';

interface LsOptions {
  long?: boolean;
  all?: boolean;
  almostAll?: boolean;
  recursive?: boolean;
  humanReadable?: boolean;
  numericUidGid?: boolean;
  one?: boolean;
  directory?: boolean;
  time?: boolean;
  size?: boolean;
  unsorted?: boolean;
  reverse?: boolean;
}

/** One run of ls. */
class Listing {
  private readonly layout: Layout;
  private readonly sort: SortKey;
  private printed = false;

  constructor(
    private readonly session: Session,
    private readonly options: LsOptions,
    /** Directories are announced by name. */
    private readonly headers: boolean,
  ) {
    const { terminal } = session.out;
    const long = options.long === true || options.numericUidGid === true;
    this.layout = {
      long,
      human: options.humanReadable === true,
      numeric: options.numericUidGid === true,
      columns: long || options.one ? undefined : terminal,
      quoted: terminal !== undefined,
    };
    this.sort = options.unsorted ? 'none' : options.size ? 'size' : options.time ? 'time' : 'name';
  }

  async run(urls: readonly string[]): Promise<void> {
    const found = new Map<Entry, Opened>();
    for (const url of urls) {
      const attempt = { message: `cannot access ${quote(url)}`, status: ExitCode.usage };
      await this.session.report.attempt(attempt, async () => {
        const opened = await this.session.open(url);
        found.set(await this.operand(opened), opened);
      });
    }
    const sorted = this.sorted([...found.keys()]);
    const isTree = (entry: Entry): boolean => entry.isDirectory && this.options.directory !== true;
    const files = sorted.filter((entry) => !isTree(entry));
    if (files.length > 0) await this.print(files);
    for (const entry of sorted.filter(isTree)) await this.directory(found.get(entry)!, ExitCode.usage);
  }

  /** An operand itself. A link to a directory counts as the directory, unless it is the link that is to be seen. */
  private async operand(opened: Opened): Promise<Entry> {
    const entry = await readEntry(this.session, opened, false);
    if (!entry.stats?.isSymbolicLink() || this.layout.long || this.options.directory) return entry;
    const followed = await readEntry(this.session, opened, true).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    return followed?.isDirectory ? followed : entry;
  }

  private async directory(opened: Opened, status: number = ExitCode.failure): Promise<void> {
    this.session.check();
    const { url } = opened.location;
    const attempt = { message: `cannot open directory ${quote(url)}`, status };
    const entries = await this.session.report.attempt(attempt, () => this.entries(opened));
    if (entries === undefined) return;
    const { out } = this.session;
    if (this.printed) await out.line('');
    this.printed = true;
    if (this.headers) await out.line(`${this.layout.quoted ? quoteIfNeeded(url) : url}:`);
    if (this.layout.long) await out.line(totalLine(entries, this.layout.human));
    const sorted = this.sorted(entries);
    await this.print(sorted);
    if (!this.options.recursive) return;
    for (const { name, isDirectory, location } of sorted)
      if (isDirectory && name !== '.' && name !== '..') await this.directory({ ...opened, location });
  }

  private async entries(opened: Opened): Promise<Entry[]> {
    const { all = false, almostAll = false } = this.options;
    // Names and types are in every listing; the rest is asked for only where it is needed.
    const attributes =
      this.layout.long || this.session.out.json || this.sort === 'time' || this.sort === 'size';
    const entries = await readEntries(this.session, opened, { attributes, hidden: all || almostAll });
    if (!all) return entries;
    const dots = ['.', '..'].map(async (name) => {
      const at = { ...opened, location: childOf(opened.location, name) };
      return { ...(await readEntry(this.session, at, true)), name };
    });
    return [...(await Promise.all(dots)), ...entries];
  }

  private sorted(entries: Entry[]): Entry[] {
    return sortListed(entries, this.sort, this.options.reverse === true);
  }

  private async print(entries: readonly Entry[]): Promise<void> {
    const { out } = this.session;
    this.printed ||= entries.length > 0;
    if (!out.json) {
      for (const line of listingLines(entries, this.layout)) await out.line(line);
      return;
    }
    for (const { location, stats, target } of entries)
      if (stats !== undefined) await out.record(fileRecord(location, stats, { target }));
  }
}

export const ls = command<LsOptions>({
  name: 'ls',
  offline: 'all',
  summary: 'list directories and files',
  operands: 'URL...',
  options: [
    { flags: '-l, --long', help: 'mode, links, owner, group, size and time, too' },
    { flags: '-a, --all', help: 'also names that begin with a dot' },
    { flags: '-A, --almost-all', help: "as -a, but without '.' and '..'" },
    { flags: '-R, --recursive', help: 'directories in directories, too' },
    { flags: '-h, --human-readable', help: 'with -l: sizes like 1.5K, 12M' },
    { flags: '-n, --numeric-uid-gid', help: 'as -l, with numbers of users and groups' },
    { flags: '-1, --one', help: 'one name a line' },
    { flags: '-d, --directory', help: 'directories themselves, not what is in them' },
    { flags: '-t, --time', help: 'sort by time, newest first' },
    { flags: '-S, --size', help: 'sort by size, largest first' },
    { flags: '-U, --unsorted', help: 'in the order of the servers' },
    { flags: '-r, --reverse', help: 'sort the other way round' },
  ],
  examples: [
    ['ls -l gluster://server/vol/iso', 'what is in the directory iso of the volume vol'],
    ['ls -lht gluster://server/vol', 'newest first, with readable sizes'],
    ['ls --json gluster://server/vol', 'for programs'],
    ['ls gluster://server/snaps/monday/vol', 'in the snapshot monday of vol'],
  ],
  async run(session, urls, options) {
    requireUrls(urls);
    await new Listing(session, options, urls.length > 1 || options.recursive === true).run(urls);
  },
});
