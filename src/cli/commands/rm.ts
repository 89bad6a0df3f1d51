import { command, requireUrls } from '../command.ts';
import { orFail } from '../failed.ts';
import { quote } from '../quote.ts';
import { type RemoveOptions, Remover } from '../remover.ts';
import { placeOf } from '../targets.ts';

export const rm = command<RemoveOptions>({
  name: 'rm',
  summary: 'remove files and trees',
  operands: 'URL...',
  options: [
    { flags: '-r, --recursive', help: 'directories with all that is in them' },
    { flags: '-f, --force', help: "what doesn't exist is no failure" },
    { flags: '-d, --dir', help: 'empty directories' },
    { flags: '-v, --verbose', help: 'say what is removed' },
  ],
  examples: [
    ['rm gluster://server/vol/old.iso', 'a file'],
    ['rm -rf gluster://server/vol/tmp', 'a tree, if it is there'],
  ],
  async run(session, urls, options) {
    if (urls.length > 0 || !options.force) requireUrls(urls);
    const remover = new Remover(session, options);
    for (const url of urls) {
      session.check();
      const message = `cannot remove ${quote(url)}`;
      await session.report.attempt(message, async () => {
        await remover.remove(await orFail(message, placeOf(session, url)));
      });
    }
  },
});
