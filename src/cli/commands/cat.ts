import { command, requireUrls } from '../command.ts';
import { CommandError } from '../errors.ts';
import { baseName } from '../locate.ts';
import { printAll } from '../pipe.ts';
import type { Session } from '../session.ts';
import { placeOf } from '../targets.ts';

/** Prints one file. @throws CommandError, GlfsError */
export async function printFile(session: Session, url: string): Promise<number> {
  const place = await placeOf(session, url);
  // open(2) opens directories, and it is the read that fails.
  if ((await place.side.stat(place.path, true)).kind === 'directory')
    throw new CommandError(`${url}: Is a directory`);
  const source = await place.side.openSource(place.path);
  try {
    session.progress.file(baseName(place.path), source.attributes.size, true);
    return await printAll(session, source, url);
  } finally {
    await source.close();
  }
}

export const cat = command({
  name: 'cat',
  offline: 'all',
  summary: 'print files',
  operands: 'URL...',
  options: [],
  examples: [
    ['cat gluster://server/vol/notes.txt', 'to the terminal'],
    ['cat gluster://server/vol/a.iso | cmp - ./a.iso', 'compares without a copy on disk'],
  ],
  async run(session, urls) {
    requireUrls(urls);
    for (const url of urls) {
      session.check();
      await session.report.attempt(url, () => printFile(session, url));
    }
  },
});
