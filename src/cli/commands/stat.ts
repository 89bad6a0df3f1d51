import { command, requireUrls } from '../command.ts';
import { quote } from '../quote.ts';
import { statRecord } from '../records.ts';
import type { Session } from '../session.ts';
import { fillFormat, type Shown, statLines } from '../stat-format.ts';

interface StatOptions {
  format?: string;
  dereference?: boolean;
}

async function show(session: Session, url: string, options: StatOptions): Promise<void> {
  const { location, volume } = await session.open(url);
  const { stats, hasBirthtime } = await volume.statx(location.path, {
    ...session.calls,
    follow: options.dereference === true,
  });
  const target = stats.isSymbolicLink() ? await volume.readlink(location.path, session.calls) : undefined;
  const shown: Shown = { name: url, stats, target, hasBirthtime };
  const { out } = session;
  await out.record(statRecord(location, shown));
  if (options.format !== undefined) return out.line(fillFormat(options.format, shown));
  for (const line of statLines(shown)) await out.line(line);
}

export const stat = command<StatOptions>({
  name: 'stat',
  offline: 'all',
  summary: 'show the attributes of files',
  operands: 'URL...',
  options: [
    { flags: '-c, --format <format>', help: "as stat(1) has it: '%n %s %y', each followed by a line end" },
    { flags: '-L, --dereference', help: 'follow symbolic links' },
  ],
  examples: [
    ['stat gluster://server/vol/big.iso', 'everything, with the gfid'],
    ["stat -c '%a %U:%G %s %n' gluster://server/vol/big.iso", 'some of it'],
  ],
  async run(session, urls, options) {
    requireUrls(urls);
    for (const url of urls) {
      session.check();
      await session.report.attempt(`cannot statx ${quote(url)}`, () => show(session, url, options));
    }
  },
});
