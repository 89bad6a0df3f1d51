import { constants } from 'node:fs';
import { command, requireUrls } from '../command.ts';
import { UsageError } from '../errors.ts';
import { orFail } from '../failed.ts';
import { quote } from '../quote.ts';
import type { Session } from '../session.ts';
import { parseResize } from '../sizes.ts';
import { codeOf } from '../strerror.ts';
import { placeOf } from '../targets.ts';

interface TruncateOptions {
  size?: string;
  reference?: string;
  create?: boolean;
}

/** New size from the old one. */
type Resize = (old: number) => number;

async function resizeOf(session: Session, { size, reference }: TruncateOptions): Promise<Resize> {
  if (reference === undefined) return parseResize(size ?? '');
  const message = `cannot stat ${quote(reference)}`;
  const place = await orFail(message, placeOf(session, reference));
  const base = (await orFail(message, place.side.stat(place.path, true))).size;
  // `-r FILE -s +1K`: a kilobyte more than that file.
  return size === undefined ? () => base : () => parseResize(size)(base);
}

async function truncateOne(session: Session, url: string, resize: Resize, create: boolean): Promise<void> {
  const { location, volume } = await session.open(url);
  const { calls } = session;
  const flags = constants.O_WRONLY | (create ? constants.O_CREAT : 0);
  const opening = volume.open(location.path, flags, calls).catch((error: unknown) => {
    if (!create && codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  await using file = await orFail(`cannot open ${quote(url)} for writing`, opening);
  if (file === undefined) return;
  const size = resize((await orFail(`cannot stat ${quote(url)}`, file.stat(calls))).size);
  await orFail(`failed to truncate ${quote(url)} at ${size} bytes`, file.truncate(size, calls));
  await session.out.record({ url, size });
}

export const truncate = command<TruncateOptions>({
  name: 'truncate',
  summary: 'cut or extend files to a size',
  operands: 'URL...',
  options: [
    {
      flags: '-s, --size <size>',
      help: "bytes, or with K, M, G … or KB, MB …; '+' and '-' change by it, '<' at most, '>' at least, '/' and '%' to a multiple",
    },
    { flags: '-r, --reference <file>', help: 'the size of this file, in a volume or local' },
    { flags: '-c, --no-create', help: 'make no files' },
  ],
  examples: [
    ['truncate -s 10G gluster://server/vol/disk.img', 'a new, empty disk'],
    ['truncate -s +512M gluster://server/vol/disk.img', 'half a gigabyte more'],
  ],
  async run(session, urls, options) {
    if (options.size === undefined && options.reference === undefined)
      throw new UsageError("you must specify either '--size' or '--reference'");
    requireUrls(urls);
    if (options.size !== undefined) parseResize(options.size);
    const resize = await resizeOf(session, options);
    for (const url of urls)
      await session.report.attempt(`cannot open ${quote(url)} for writing`, () =>
        truncateOne(session, url, resize, options.create !== false),
      );
  },
});
