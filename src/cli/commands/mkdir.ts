import type { Stats } from '../../api/stats.ts';
import { command, requireUrls } from '../command.ts';
import { CommandError } from '../errors.ts';
import { failed } from '../failed.ts';
import { parentOf } from '../locate.ts';
import { parseMode } from '../mode.ts';
import { quote } from '../quote.ts';
import type { Opened, Session } from '../session.ts';
import { codeOf } from '../strerror.ts';

interface MkdirOptions {
  parents?: boolean;
  mode?: string;
  verbose?: boolean;
}

/** One run of mkdir. */
class Maker {
  constructor(
    private readonly session: Session,
    private readonly options: MkdirOptions,
  ) {}

  /** @throws CommandError */
  async make(opened: Opened, isParent = false): Promise<void> {
    const { location } = opened;
    try {
      await this.one(opened, isParent);
    } catch (error) {
      const code = codeOf(error);
      const there = this.options.parents && code === 'EEXIST' ? await this.existing(opened) : undefined;
      if (there?.isDirectory()) return;
      const missing = code === 'ENOENT' || code === 'ENOTDIR';
      if (this.options.parents && missing && location.path !== '/') {
        await this.make({ ...opened, location: parentOf(location) }, true);
        // Somebody may have made it in the meantime, which is fine.
        if (code === 'ENOENT') return this.make(opened, isParent);
      }
      const message = `cannot create directory ${quote(location.url)}`;
      // What is in the way of a directory below it is no directory; that it exists is not the point.
      if (isParent && there !== undefined)
        throw new CommandError(`${message}: Not a directory`, { cause: error });
      throw failed(message, error);
    }
  }

  private async one({ volume, location }: Opened, isParent: boolean): Promise<void> {
    const { calls, umask, out } = this.session;
    const base = 0o777 & ~umask;
    const asked =
      this.options.mode === undefined ? base : parseMode(this.options.mode, { base: 0o777, umask });
    // Parents must be usable by us, whatever the umask.
    const mode = isParent ? base | 0o300 : asked;
    await volume.as({ umask: 0 }).mkdir(location.path, { ...calls, mode });
    // mkdir(2) of the bricks takes permissions and no more.
    if ((mode & ~0o777) !== 0) await volume.chmod(location.path, mode, calls);
    if (this.options.verbose) await out.line(`created directory ${quote(location.url)}`);
    await out.record({ created: location.url });
  }

  private existing({ volume, location }: Opened): Promise<Stats | undefined> {
    return volume.stat(location.path, this.session.calls).catch(() => undefined);
  }
}

export const mkdir = command<MkdirOptions>({
  name: 'mkdir',
  summary: 'make directories',
  operands: 'URL...',
  options: [
    { flags: '-p, --parents', help: 'make missing parents, too; a directory that exists is no failure' },
    { flags: '-m, --mode <mode>', help: 'permissions, as chmod takes them: 0750 or g-w,o=' },
    { flags: '-v, --verbose', help: 'say what is made' },
  ],
  examples: [
    ['mkdir gluster://server/vol/iso', 'one directory'],
    ['mkdir -p -m 0750 gluster://server/vol/a/b/c', 'with its parents'],
  ],
  async run(session, urls, options) {
    requireUrls(urls);
    if (options.mode !== undefined) parseMode(options.mode, { base: 0o777, umask: session.umask });
    const maker = new Maker(session, options);
    for (const url of urls)
      await session.report.attempt(`cannot create directory ${quote(url)}`, async () =>
        maker.make(await session.open(url)),
      );
  },
});
