import type { OptionSpec } from '../command.ts';
import { type CommandSpec, command, requireUrls } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { quote } from '../quote.ts';
import type { Opened, Session } from '../session.ts';
import { codeOf } from '../strerror.ts';
import { type Encoding, encodings, parseValue, showValue } from '../xattr-value.ts';

interface XattrOptions {
  dereference?: boolean;
  encoding?: Encoding;
  dump?: boolean;
  create?: boolean;
  replace?: boolean;
}

const noDereference: OptionSpec = { flags: '-h, --no-dereference', help: 'of symbolic links themselves' };
const encoding: OptionSpec = {
  flags: '-e, --encoding <encoding>',
  help: 'how values are shown; by default as text where that is possible, else in hexadecimal',
  choices: encodings,
};

function callsOf(session: Session, { dereference }: XattrOptions) {
  return { ...session.calls, follow: dereference !== false };
}

/** The name in front, and at least one URL. @throws UsageError */
function nameAndUrls([name, ...urls]: readonly string[]): { name: string; urls: readonly string[] } {
  if (name === undefined) throw new UsageError('missing name of the attribute');
  requireUrls(urls);
  return { name, urls };
}

/** Does something with each file. `what` could not be done, if it fails: `cannot get attribute 'user.x'`. */
async function eachUrl(
  session: Session,
  urls: readonly string[],
  what: string,
  work: (opened: Opened, url: string) => Promise<void>,
): Promise<void> {
  for (const url of urls) {
    session.check();
    const message = `${what} of ${quote(url)}`;
    await session.report.attempt(message, async () => {
      try {
        await work(await session.open(url), url);
      } catch (error) {
        // `No data available` would tell nobody what is missing.
        if (codeOf(error) !== 'ENODATA') throw error;
        throw new CommandError(`${message}: No such attribute`, { cause: error });
      }
    });
  }
}

const get = command<XattrOptions>({
  name: 'get',
  summary: 'print the value of an attribute',
  operands: 'NAME URL...',
  options: [encoding, noDereference],
  examples: [['xattr get user.origin gluster://server/vol/a', 'the value alone']],
  async run(session, operands, options) {
    const { name, urls } = nameAndUrls(operands);
    await eachUrl(session, urls, `cannot get attribute ${quote(name)}`, async ({ location, volume }, url) => {
      const value = await volume.getxattr(location.path, name, callsOf(session, options));
      const text = showValue(value, options.encoding);
      await session.out.line(urls.length > 1 ? `${url}: ${text}` : text);
      await session.out.record({ url, name, value: value.toString('base64') });
    });
  },
});

const set = command<XattrOptions>({
  name: 'set',
  summary: 'set an attribute',
  operands: 'NAME VALUE URL...',
  description: 'VALUE is text, 0x and hexadecimal digits, or 0s and base64.',
  options: [
    { flags: '--create', help: 'fail where it exists' },
    { flags: '--replace', help: "fail where it doesn't" },
    noDereference,
  ],
  examples: [['xattr set user.origin tape-17 gluster://server/vol/a', 'text']],
  async run(session, operands, options) {
    const [value, ...rest] = operands.slice(1);
    if (operands.length > 0 && value === undefined) throw new UsageError('missing value of the attribute');
    const { name, urls } = nameAndUrls(operands.length === 0 ? [] : [operands[0]!, ...rest]);
    const mode = options.create ? 'create' : options.replace ? 'replace' : undefined;
    const bytes = parseValue(value!);
    await eachUrl(session, urls, `cannot set attribute ${quote(name)}`, async ({ location, volume }, url) => {
      const calls = { ...callsOf(session, options), mode } as const;
      await volume.setxattr(location.path, name, bytes, calls);
      await session.out.record({ url, name });
    });
  },
});

const list = command<XattrOptions>({
  name: 'list',
  summary: 'list attributes',
  operands: 'URL...',
  options: [{ flags: '-d, --dump', help: 'with their values' }, encoding, noDereference],
  examples: [['xattr list -d gluster://server/vol/a', 'names and values']],
  async run(session, urls, options) {
    requireUrls(urls);
    await eachUrl(session, urls, 'cannot list attributes', async ({ location, volume }, url) => {
      const calls = callsOf(session, options);
      if (urls.length > 1) await session.out.line(`${url}:`);
      for (const name of (await volume.listxattr(location.path, calls)).sort()) {
        const value =
          options.dump || session.out.json ? await volume.getxattr(location.path, name, calls) : undefined;
        await session.out.line(value === undefined ? name : `${name}=${showValue(value, options.encoding)}`);
        await session.out.record({ url, name, value: value?.toString('base64') });
      }
    });
  },
});

const remove = command<XattrOptions>({
  name: 'remove',
  summary: 'remove an attribute',
  operands: 'NAME URL...',
  options: [noDereference],
  examples: [['xattr remove user.origin gluster://server/vol/a', '']],
  async run(session, operands, options) {
    const { name, urls } = nameAndUrls(operands);
    await eachUrl(
      session,
      urls,
      `cannot remove attribute ${quote(name)}`,
      async ({ location, volume }, url) => {
        await volume.removexattr(location.path, name, callsOf(session, options));
        await session.out.record({ url, name });
      },
    );
  },
});

export const xattr: CommandSpec = command({
  name: 'xattr',
  summary: 'extended attributes: get, set, list, remove',
  operands: '',
  options: [],
  examples: [],
  subcommands: [get, set, list, remove],
  async run() {
    throw new UsageError('one of get, set, list, remove is expected');
  },
});
