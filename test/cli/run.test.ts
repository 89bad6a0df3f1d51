import { describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands/index.ts';
import { ExitCode, Interrupted } from '../../src/cli/errors.ts';
import { parseCommandLine } from '../../src/cli/program.ts';
import { version } from '../../src/cli/version.ts';
import { GlfsError } from '../../src/errors.ts';
import { MemoryWorld } from './world.ts';

function worldWith(files: Record<string, string> = {}) {
  const world = new MemoryWorld();
  const memory = world.add('vol');
  const write = async () => {
    const volume = memory.volume();
    for (const [path, content] of Object.entries(files)) await volume.writeFile(path, content);
  };
  return { world, memory, ready: write() };
}

const URL = 'gluster://h/vol';

describe('usage', () => {
  test('--version, --help and no word at all print and succeed', async () => {
    const { world } = worldWith();
    expect(await world.glfs(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
    for (const argv of [['--help'], [], ['help']]) {
      const { code, stdout, stderr } = await world.glfs(argv);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      for (const { name, summary } of commands)
        expect(stdout).toMatch(new RegExp(`^  ${name} .*${summary}`, 'm'));
    }
    expect(world.connected).toEqual([]);
  });

  test.each(
    commands.flatMap((spec) => [
      spec,
      ...(spec.subcommands ?? []).map((inner) => ({ ...inner, name: `${spec.name} ${inner.name}` })),
    ]),
  )('$name --help shows all options and examples', async (spec) => {
    const { stdout, code } = await new MemoryWorld().glfs([...spec.name.split(' '), '--help']);
    expect(code).toBe(0);
    for (const { flags } of spec.options) expect(stdout).toContain(flags);
    for (const [line] of spec.examples) expect(stdout).toContain(`glfs ${line}`);
    if (!spec.subcommands) expect(spec.examples.length).toBeGreaterThan(0);
  });

  test.each(
    commands.flatMap((spec) => [
      ...spec.examples.map(([line]) => line),
      ...(spec.subcommands ?? []).flatMap((inner) => inner.examples.map(([line]) => line)),
    ]),
  )('the example «glfs %s» is a command line that makes sense', (line) => {
    const words = line
      .replace(/ [|<].*$/, '')
      .match(/'[^']*'|\S+/g)!
      .map((word) => word.replaceAll("'", ''));
    expect(parseCommandLine(words)).toMatchObject({ kind: 'run' });
  });

  test.each([
    [['ls'], "missing operand\nTry 'glfs ls --help'"],
    [['nonsense'], "unknown command 'nonsense'\nTry 'glfs --help'"],
    [['sl', URL], "unknown command 'sl' (Did you mean ls?)"],
    [['ls', '--nonsense', URL], "unknown option '--nonsense'"],
    [['ls', 'file'], "not a volume URL: 'file': gluster://HOST/VOLUME/PATH is expected"],
    [['put'], 'missing file operand'],
    [['put', 'x'], "missing destination file operand after 'x'"],
    [['put', 'x', 'y'], "the target must be a volume URL: 'y'"],
    [['put', `${URL}/a`, `${URL}/b`], 'is none: see cp'],
    [['put', '-', 'x', URL], "'-' goes alone"],
    [['get', 'x', 'y'], "not a volume URL: 'x'"],
    [['get', `${URL}/a`, `${URL}/b`], 'is elsewhere: see cp'],
    [['cp', 'x', 'y'], 'no volume URL among source and target'],
    [['mv', `${URL}/a`, 'y'], "not a volume URL: 'y'"],
    [['rm'], 'missing operand'],
    [['truncate', `${URL}/a`], "you must specify either '--size' or '--reference'"],
    [['truncate', '-s', 'x', `${URL}/a`], "Invalid number: 'x'"],
    [['mkdir', '-m', 'zz', `${URL}/a`], "invalid mode 'zz'"],
    [['touch', '-d', 'garbage', `${URL}/a`], "invalid date format 'garbage'"],
    [['tree', '-L', '0', URL], "invalid level: '0'"],
    [['xattr'], 'one of get, set, list, remove is expected'],
    [['xattr', 'get'], 'missing name of the attribute'],
    [['xattr', 'set', 'user.x'], 'missing value of the attribute'],
    [['xattr', 'set', 'user.x', '0xz', URL], "not hexadecimal: '0xz'"],
    [['ls', '--timeout', 'x', URL], "invalid timeout: 'x'"],
    [['ls', '--uid', '-1', URL], "invalid user id: '-1'"],
    [['ls', '--translator-option', 'x', URL], "not a translator option: 'x'"],
    [['ls', '--log-level', 'loud', URL], "argument 'loud' is invalid"],
    [['ls', '--tls-cert', '/dev/null', URL], '--tls-cert and --tls-key go together'],
  ])('glfs %j is wrong usage: exit code 2, nothing is connected to', async (argv, message) => {
    const { world } = worldWith();
    const { code, stdout, stderr } = await world.glfs(argv);
    expect(stderr).toContain(`glfs: `);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/\nTry 'glfs .*--help' for more information.\n$/);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(world.connected).toEqual([]);
  });

  test('global options stand before and behind the command', () => {
    const globals = { json: true, uid: '5', backupServer: ['a', 'b'], translatorOption: ['x.y=1'] };
    const words = [
      '--json',
      '--uid',
      '5',
      '--backup-server',
      'a',
      '--backup-server',
      'b',
      '--translator-option',
      'x.y=1',
    ];
    expect(parseCommandLine([...words, 'ls', '-l', URL])).toMatchObject({
      globals,
      operands: [URL],
      options: { long: true },
    });
    expect(parseCommandLine(['ls', '-lh', ...words, URL])).toMatchObject({
      globals,
      operands: [URL],
      options: { long: true, humanReadable: true },
    });
  });

  test('a size that begins with a minus is a value, no option', () => {
    expect(parseCommandLine(['truncate', '-s', '-5', URL])).toMatchObject({
      options: { size: '-5' },
      operands: [URL],
    });
  });

  test('certificates that can not be read are a failure, not wrong usage', async () => {
    const { code, stderr } = await worldWith().world.glfs(['ls', '--tls-ca', '/nonexistent/ca', URL]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "glfs: cannot open '/nonexistent/ca' for reading: No such file or directory\n",
    });
  });
});

describe('failures', () => {
  test('one file that fails does not keep the others from being done', async () => {
    const { world, ready } = worldWith({ '/a': 'A', '/b': 'B' });
    await ready;
    expect(await world.glfs(['cat', `${URL}/a`, `${URL}/no`, `${URL}/b`])).toMatchObject({
      code: 1,
      stdout: 'AB',
      stderr: `glfs: ${URL}/no: No such file or directory\n`,
    });
    expect(world.connected).toEqual([URL]);
  });

  test('what glfs knows beyond the errno stands in brackets', async () => {
    const { world, memory, ready } = worldWith({ '/a': 'A' });
    await ready;
    memory.before = ({ fop }) => {
      if (fop === 'unlink')
        throw new GlfsError('ENOTCONN', 'connection lost', { brick: 'h:/b1', outcome: 'unknown' });
    };
    expect((await world.glfs(['rm', `${URL}/a`])).stderr).toBe(
      `glfs: cannot remove '${URL}/a': Transport endpoint is not connected (connection lost; on h:/b1; it may have been carried out all the same)\n`,
    );
  });

  test('with --json failures are lines of JSON, and the answer is an array all the same', async () => {
    const { world, ready } = worldWith({ '/a': 'A' });
    await ready;
    const { code, stdout, stderr } = await world.glfs(['--json', 'stat', `${URL}/a`, `${URL}/no`]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([
      { path: '/a', name: 'a', type: 'file', size: 1, mode: '0644' },
    ]);
    expect(JSON.parse(stderr)).toEqual({
      error: {
        message: `cannot statx '${URL}/no': No such file or directory`,
        code: 'ENOENT',
        syscall: 'statx',
        path: '/no',
        outcome: 'failed',
      },
    });
  });

  test('ls tells trouble with its operands, 2, from trouble further below, 1', async () => {
    const { world, memory } = worldWith();
    await memory.volume().mkdir('/d/locked', { recursive: true });
    memory.before = ({ fop, request }) => {
      const { loc } = request as { loc?: { path?: string; name?: string } };
      if (
        fop === 'opendir' &&
        memory.inodes.root !== (request as { loc: { inode: object } }).loc.inode &&
        loc?.name !== 'd'
      )
        throw new GlfsError('EACCES');
    };
    expect(await world.glfs(['ls', `${URL}/no`])).toMatchObject({
      code: 2,
      stderr: `glfs: cannot access '${URL}/no': No such file or directory\n`,
    });
    const below = await world.glfs(['ls', '-R', URL]);
    expect(below).toMatchObject({ code: 1 });
    expect(below.stderr).toContain('cannot open directory');
  });

  test('a volume that is not there is asked for once', async () => {
    const { world } = worldWith();
    const { code, stderr } = await world.glfs(['ls', 'gluster://h/none/a', 'gluster://h/none/b']);
    expect(code).toBe(2);
    expect(stderr.split('\n')[1]).toBe(
      "glfs: cannot access 'gluster://h/none/b': No such file or directory (no volume at gluster://h/none)",
    );
    expect(world.connected).toEqual(['gluster://h/none']);
  });

  test('a reader who has gone ends the run without a word', async () => {
    const { world, memory, ready } = worldWith({ '/a': 'A' });
    await ready;
    const stdout = async () => {
      throw Object.assign(new Error('EPIPE'), { code: 'EPIPE' });
    };
    for (const argv of [['cat', `${URL}/a`], ['ls', URL], ['--help']])
      expect(await world.glfs(argv, { stdout })).toMatchObject({ code: ExitCode.brokenPipe, stderr: '' });
    expect(memory.closed).toBe(true);
  });

  test('a full disk below standard output is a failure', async () => {
    const { world, ready } = worldWith({ '/a': 'A' });
    await ready;
    const stdout = async () => {
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    };
    const result = { code: 1, stderr: 'glfs: write error: No space left on device\n' };
    expect(await world.glfs(['cat', `${URL}/a`], { stdout })).toMatchObject(result);
    expect(await world.glfs(['ls', URL], { stdout })).toMatchObject(result);
  });

  test('a signal ends the run cleanly and without a word', async () => {
    const { world, memory, ready } = worldWith({ '/a': 'A', '/b': 'B' });
    await ready;
    memory.before = ({ fop }) => {
      if (fop === 'unlink') world.interrupt(new Interrupted(ExitCode.terminated));
    };
    expect(await world.glfs(['rm', `${URL}/a`, `${URL}/b`])).toMatchObject({ code: 143, stderr: '' });
    expect(memory.closed).toBe(true);
    expect(await memory.volume().readdir('/')).toEqual(['b']);
  });

  test('the user that calls are made for is the one who was named', async () => {
    const { world, memory, ready } = worldWith({ '/a': 'A' });
    await ready;
    memory.take();
    await world.glfs(['ls', '-l', '--uid', '1000', '--gid', '100', URL]);
    for (const { context } of memory.calls)
      expect(context).toMatchObject({ uid: 1000, gid: 100, groups: [] });
  });
});
