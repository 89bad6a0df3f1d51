import { type Branch, drawTree } from '../branches.ts';
import { command, requireUrls } from '../command.ts';
import { type Entry, readEntries, readEntry } from '../entries.ts';
import { typeOf } from '../format.ts';
import { sortListed } from '../listing.ts';
import { baseName } from '../locate.ts';
import { parseCount } from '../numbers.ts';
import { quote, quoteIfNeeded } from '../quote.ts';
import type { Opened, Session } from '../session.ts';

interface TreeOptions {
  all?: boolean;
  directories?: boolean;
  level?: string;
  size?: boolean;
}

/** A file with what is in it; what `--json` prints. */
interface Node {
  readonly name: string;
  readonly url: string;
  readonly type: string;
  readonly size?: number;
  readonly target?: string;
  readonly children?: readonly Node[];
}

/** One run of tree. */
class Walk {
  directories = 0;
  files = 0;
  private readonly depth: number;

  constructor(
    private readonly session: Session,
    private readonly options: TreeOptions,
  ) {
    this.depth = options.level === undefined ? Number.POSITIVE_INFINITY : Number(options.level);
  }

  async node(opened: Opened, entry: Entry, level = 0): Promise<Node> {
    const { name, location, stats, target } = entry;
    const { url } = location;
    const type = stats === undefined ? 'unknown' : typeOf(stats.mode).name;
    const node: Node = { name, url, type, size: stats?.size, target };
    if (!entry.isDirectory || level >= this.depth) return node;
    return { ...node, children: await this.children({ ...opened, location }, level + 1) };
  }

  private async children(opened: Opened, level: number): Promise<Node[]> {
    this.session.check();
    const { all = false, directories = false } = this.options;
    const message = `cannot open directory ${quote(opened.location.url)}`;
    const entries = await this.session.report.attempt(message, () =>
      readEntries(this.session, opened, { attributes: true, hidden: all }),
    );
    const nodes: Node[] = [];
    for (const entry of sortListed(entries ?? [], 'name', false)) {
      if (directories && !entry.isDirectory) continue;
      if (entry.isDirectory) this.directories++;
      else this.files++;
      nodes.push(await this.node(opened, entry, level));
    }
    return nodes;
  }

  branch({ name, target, size, type, children = [] }: Node): Branch {
    const quoted = this.session.out.terminal === undefined ? (text: string) => text : quoteIfNeeded;
    const label = target === undefined ? quoted(name) : `${quoted(name)} -> ${quoted(target)}`;
    const bytes = this.options.size && type === 'file' ? `[${String(size).padStart(11)}]  ` : '';
    return { text: `${bytes}${label}`, children: children.map((child) => this.branch(child)) };
  }
}

function count(number: number, singular: string, plural: string): string {
  return `${number} ${number === 1 ? singular : plural}`;
}

export const tree = command<TreeOptions>({
  name: 'tree',
  offline: 'all',
  summary: 'draw what is in directories',
  operands: 'URL...',
  options: [
    { flags: '-a, --all', help: 'also names that begin with a dot' },
    { flags: '-d, --directories', help: 'only directories' },
    { flags: '-L, --level <levels>', help: 'no deeper than this' },
    { flags: '-s, --size', help: 'sizes of files' },
  ],
  examples: [['tree -L 2 gluster://server/vol', 'the first two levels']],
  async run(session, urls, options) {
    requireUrls(urls);
    if (options.level !== undefined) parseCount(options.level, 'level', { min: 1 });
    const walk = new Walk(session, options);
    for (const url of urls) {
      await session.report.attempt(`cannot access ${quote(url)}`, async () => {
        const opened = await session.open(url);
        const node = await walk.node(opened, await readEntry(session, opened, true));
        await session.out.record({ ...node, name: baseName(opened.location.path) || '/' });
        for (const line of drawTree(walk.branch(node))) await session.out.line(line);
      });
    }
    const directories = count(walk.directories, 'directory', 'directories');
    const files = options.directories ? '' : `, ${count(walk.files, 'file', 'files')}`;
    await session.out.line(`\n${directories}${files}`);
  },
});
