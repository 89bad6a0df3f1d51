import { constants } from 'node:fs';
import type { AttributeChanges, Time } from '../../api/types.ts';
import { command, requireUrls } from '../command.ts';
import { orFail } from '../failed.ts';
import { quote } from '../quote.ts';
import type { Opened, Session } from '../session.ts';
import { codeOf } from '../strerror.ts';
import { placeOf } from '../targets.ts';
import { parseTime } from '../times.ts';

interface TouchOptions {
  create?: boolean;
  date?: string;
  reference?: string;
  access?: boolean;
  modification?: boolean;
  dereference?: boolean;
}

interface Times {
  readonly atime: Time;
  readonly mtime: Time;
}

async function timesOf(session: Session, { date, reference }: TouchOptions): Promise<Times | undefined> {
  if (reference !== undefined) {
    const message = `failed to get attributes of ${quote(reference)}`;
    const place = await orFail(message, placeOf(session, reference));
    const { atimeNs, mtimeNs } = await orFail(message, place.side.stat(place.path, true));
    return { atime: atimeNs, mtime: mtimeNs };
  }
  if (date === undefined) return undefined;
  const time = parseTime(date);
  return { atime: time, mtime: time };
}

async function touchOne(
  session: Session,
  opened: Opened,
  times: Times | undefined,
  options: TouchOptions,
): Promise<void> {
  const { volume, location } = opened;
  const { calls, out } = session;
  const both = options.access === options.modification;
  const { atime, mtime } = times ?? { atime: 'now', mtime: 'now' };
  const changes: AttributeChanges = {
    ...(both || options.access ? { atime } : {}),
    ...(both || options.modification ? { mtime } : {}),
  };
  const follow = options.dereference !== false;
  const set = () => volume.setattr(location.path, changes, { ...calls, follow });
  let created = false;
  try {
    await set();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    if (options.create === false || !follow) return;
    const file = await volume.open(location.path, constants.O_WRONLY | constants.O_CREAT, calls);
    await file.close();
    created = true;
    if (times !== undefined) await set();
  }
  await out.record({ touched: location.url, created });
}

export const touch = command<TouchOptions>({
  name: 'touch',
  summary: 'set times of files to now, and make those that are not there',
  operands: 'URL...',
  options: [
    { flags: '-c, --no-create', help: 'make no files' },
    { flags: '-d, --date <time>', help: "this time: '2025-11-21 08:30', '@1763683200', 'now'" },
    { flags: '-r, --reference <file>', help: 'the times of this file, in a volume or local' },
    { flags: '-a, --access', help: 'only the time of access' },
    { flags: '-m, --modification', help: 'only the time of modification' },
    { flags: '-h, --no-dereference', help: 'of symbolic links themselves' },
  ],
  examples: [
    ['touch gluster://server/vol/marker', 'makes an empty file, or sets its times'],
    ["touch -c -d '2025-11-21 08:30:00 +0100' gluster://server/vol/marker", 'only if it is there'],
  ],
  async run(session, urls, options) {
    requireUrls(urls);
    const times = await timesOf(session, options);
    for (const url of urls)
      await session.report.attempt(`cannot touch ${quote(url)}`, async () =>
        touchOne(session, await session.open(url), times, options),
      );
  },
});
