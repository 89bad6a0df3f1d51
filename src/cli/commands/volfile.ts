import { bricks, findNode, parseVolfile, type Volfile } from '../../volfile/index.ts';
import { type Branch, drawTree } from '../branches.ts';
import { command, requireUrls } from '../command.ts';
import { locate } from '../locate.ts';
import { quote } from '../quote.ts';
import type { Session } from '../session.ts';

interface VolfileOptions {
  graph?: boolean;
}

/** A translator with its subvolumes, as `--graph` shows it. */
interface Node {
  readonly name: string;
  readonly type: string;
  /** Of a protocol/client: `host:/path`. */
  readonly brick?: string;
  readonly subvolumes: readonly Node[];
}

function graphOf(volfile: Volfile): Node {
  const addresses = new Map(
    bricks(volfile).map((brick) => [brick.name, `${brick.host ?? ''}:${brick.remoteSubvolume}`]),
  );
  const node = (name: string): Node => {
    const { type = 'unknown', subvolumes = [] } = findNode(volfile, name) ?? {};
    return { name, type, brick: addresses.get(name), subvolumes: subvolumes.map(node) };
  };
  return node(volfile.top);
}

function branchOf({ name, type, brick, subvolumes }: Node): Branch {
  const text = brick === undefined ? `${name}  (${type})` : `${name}  (${type})  ${brick}`;
  return { text, children: subvolumes.map(branchOf) };
}

async function print(session: Session, url: string, { graph }: VolfileOptions): Promise<void> {
  const location = locate(url);
  const text = await session.volumes.volfile(location);
  const { out } = session;
  if (!graph) {
    await out.record({ url, volume: location.volume, volfile: text });
    return out.line(text.replace(/\n+$/, ''));
  }
  const top = graphOf(parseVolfile(text, { source: url }));
  await out.record({ url, volume: location.volume, graph: top });
  for (const line of drawTree(branchOf(top))) await out.line(line);
}

export const volfile = command<VolfileOptions>({
  name: 'volfile',
  summary: 'print the volfile that the management server gives to clients',
  operands: 'URL...',
  description: 'No brick needs to run.',
  options: [{ flags: '--graph', help: 'draw the translators as a tree' }],
  examples: [
    ['volfile gluster://server/vol', 'as it comes'],
    ['volfile --graph gluster://server/vol', 'who stands on whom'],
  ],
  async run(session, urls, options) {
    requireUrls(urls);
    for (const url of urls)
      await session.report.attempt(`cannot get the volfile of ${quote(url)}`, () =>
        print(session, url, options),
      );
  },
});
