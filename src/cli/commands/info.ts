import type { Volume } from '../../api/volume.ts';
import { command, requireUrls } from '../command.ts';
import { alignRows } from '../format.ts';
import { locate } from '../locate.ts';
import { quote } from '../quote.ts';
import type { Session } from '../session.ts';
import { version } from '../version.ts';

interface Brick {
  readonly subvolume: string;
  readonly brick: string;
  readonly up: boolean;
  /** Address of the connection. */
  readonly server: string | null;
  /** Version of the file program that is spoken: 400 (GlusterFS 4 and later) or 330. */
  readonly program: number | null;
}

interface Info {
  readonly url: string;
  readonly volume: string;
  readonly id: string | null;
  readonly bricks: readonly Brick[];
  readonly translators: readonly { readonly name: string; readonly type: string }[];
  readonly versions: { readonly glfs: string; readonly node: string };
}

type Dump = Record<
  string,
  { type: string; brick?: string; connected?: boolean; server?: string; program?: number }
>;

async function infoOf(url: string, volume: Volume): Promise<Info> {
  const translators = Object.entries(volume.statedump().translators as Dump);
  const clients = translators.filter(([, { type }]) => type === 'protocol/client');
  return {
    url,
    volume: volume.name,
    id: await volume.volumeId().catch(() => null),
    bricks: clients.map(([subvolume, { brick = '', connected = false, server = null, program = null }]) => ({
      subvolume,
      brick,
      up: connected,
      server,
      program,
    })),
    // From the top down: the way that a call takes.
    translators: translators.reverse().map(([name, { type }]) => ({ name, type })),
    versions: { glfs: version, node: process.versions.node },
  };
}

function linesOf(info: Info): string[] {
  const bricks = info.bricks.map(({ subvolume, brick, up, server, program }) => [
    `  ${subvolume}`,
    brick,
    up ? 'up' : 'DOWN',
    up ? `${server}, file program ${program}` : '',
  ]);
  // Clients are told of as bricks.
  const others = info.translators.filter(({ type }) => type !== 'protocol/client');
  const translators = others.map(({ name, type }) => [`  ${type}`, name]);
  return [
    `Volume:   ${info.volume}`,
    `Id:       ${info.id ?? 'unknown: no management server is connected'}`,
    `Versions: glfs ${info.versions.glfs}, Node ${info.versions.node}`,
    `Bricks:   ${info.bricks.filter(({ up }) => up).length} of ${info.bricks.length} up`,
    ...alignRows(bricks, []),
    'Translators:',
    ...alignRows(translators, []),
  ].map((line) => line.trimEnd());
}

/** Whoever asks this wants to know most while too few copies are there. */
const WISHES = { '*-replicate-*.quorum-type': 'none' };

async function show(session: Session, url: string): Promise<void> {
  const { volume } = await session.openAt(locate(url), WISHES);
  const info = await infoOf(url, volume);
  await session.out.record(info);
  for (const line of linesOf(info)) await session.out.line(line);
}

export const info = command({
  name: 'info',
  summary: 'show volume id, bricks and translators',
  operands: 'URL...',
  options: [],
  examples: [
    ['info gluster://server/vol', 'which bricks can be reached'],
    ['info --json gluster://server/vol', 'for monitoring'],
  ],
  async run(session, urls) {
    requireUrls(urls);
    for (const url of urls)
      await session.report.attempt(`cannot access ${quote(url)}`, () => show(session, url));
  },
});
