import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/api/connect/index.ts';
import { run } from '../../src/cli/run.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { brickState } from '../helpers/statedump.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
/** The command line from its source: no build is needed. */
const glfsArguments = ['--import', import.meta.resolve('tsx'), join(root, 'src/cli/main.ts')];

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function execute(file: string, args: readonly string[], cwd = root): Promise<Outcome> {
  return new Promise((done) => {
    const options = {
      cwd,
      env: { ...process.env, LC_ALL: 'C' },
      maxBuffer: 1 << 28,
      encoding: 'utf8' as const,
    };
    execFile(file, args, options, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const glfs = (...args: string[]): Promise<Outcome> => execute(process.execPath, [...glfsArguments, ...args]);
/** The same without a process of its own: for what is neither a pipe nor a signal. */
async function inProcess(...argv: string[]): Promise<Outcome> {
  const out: Uint8Array[] = [];
  let stderr = '';
  const code = await run({
    argv,
    env: {},
    stdout: async (bytes) => void out.push(Buffer.from(bytes)),
    stderr: (text) => {
      stderr += text;
    },
    stdin: Readable.from([]),
    columns: undefined,
    terminal: undefined,
    signal: new AbortController().signal,
    umask: 0o022,
    connect,
  });
  return { code, stdout: Buffer.concat(out).toString(), stderr };
}

const quoted = (words: readonly string[]): string =>
  words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
const glfsCommand = quoted([process.execPath, ...glfsArguments]);
const shell = (line: string): Promise<Outcome> => execute('bash', ['-o', 'pipefail', '-c', line]);
const good = { code: 0, stderr: '' };

describe('the command line on a real volume', () => {
  const pool = attachPool();
  let volume: TestVolume;
  let mount: Mount;
  let url: string;
  let here: string;

  beforeAll(async () => {
    here = mkdtempSync(join(tmpdir(), 'glfs-cli-'));
    volume = await pool.createVolume('cli', { bricks: 3 });
    url = volume.url;
    mount = await mountVolume(pool, { volume: 'cli' });
  });
  afterAll(async () => {
    await mount?.unmount();
    await volume?.delete();
    rmSync(here, { recursive: true, force: true });
  });

  test('put, ls -l and cat of a large file, which cmp and a mount find the same', async () => {
    const file = join(here, 'big.iso');
    await shell(`head -c 33554437 /dev/urandom > ${quoted([file])}`);
    expect(await glfs('mkdir', `${url}/iso`)).toMatchObject(good);
    expect(await glfs('put', file, `${url}/iso/big.iso`)).toEqual({ ...good, stdout: '' });
    expect((await execute('cmp', [file, mount.at('iso/big.iso')])).code).toBe(0);
    const listed = await glfs('ls', '-l', `${url}/iso`);
    expect(listed).toMatchObject(good);
    expect(listed.stdout).toMatch(/^total \d+\n-rw-r--r-- 1 root root 33554437 .* big.iso\n$/);
    expect(
      await shell(`${glfsCommand} cat ${quoted([`${url}/iso/big.iso`])} | cmp - ${quoted([file])}`),
    ).toEqual({ ...good, stdout: '' });
  });

  test('get and cat of what a mount has written; put and get from pipes', async () => {
    await shell(`head -c 20000003 /dev/urandom > ${quoted([mount.at('theirs')])}`);
    expect(await glfs('get', `${url}/theirs`, here)).toMatchObject(good);
    expect((await execute('cmp', [mount.at('theirs'), join(here, 'theirs')])).code).toBe(0);
    const piped = await shell(
      `${glfsCommand} get ${quoted([`${url}/theirs`])} - | ${glfsCommand} put - ${quoted([`${url}/copy`])}`,
    );
    expect(piped).toEqual({ ...good, stdout: '' });
    expect((await execute('cmp', [mount.at('theirs'), mount.at('copy')])).code).toBe(0);
  });

  test('checksums are those of the coreutils on a mount, by bricks those of local files', async () => {
    const file = mount.at('summed');
    expect(
      await shell(`head -c 3333333 /dev/urandom > ${file}; sha256sum ${file} > ${join(here, 'sums')}`),
    ).toEqual({
      ...good,
      stdout: '',
    });
    const list = await shell(`sed 's# /.*# ${url}/summed#' ${join(here, 'sums')}`);
    expect(await inProcess('checksum', `${url}/summed`)).toEqual({ ...good, stdout: list.stdout });
    expect(await inProcess('checksum', '-c', join(here, 'sums'))).toEqual({
      ...good,
      stdout: `${file}: OK\n`,
    });
    const byBricks = await inProcess('checksum', '-a', 'rchecksum', `${url}/summed`, file);
    expect(byBricks).toMatchObject(good);
    const [there, local] = byBricks.stdout.split('\n').map((line) => line.split(' ')[0]);
    expect(there).toMatch(/^[0-9a-f]{64}$/);
    expect(there).toBe(local);
  });

  test('trees with odd names, links, modes, times and special files go there, around, and come back', async () => {
    const tree = join(here, 'tree');
    await shell(
      `mkdir -p ${quoted([tree])} && cd ${quoted([tree])} && mkdir -p sub/deep 'sp ace' empty sticky && echo a > "it's" && ` +
        `echo b > 'sp ace/q"uote' && echo c > $'new\\nline' && echo d > $'bad\\xffbyte' && echo e > '%41 100%' && echo f > grün && ` +
        `echo g > -rf && echo h > .hidden && ln -s ../nowhere dangling && ln -s sub link && chmod 4755 "it's" && chmod 500 empty && ` +
        `chmod 1777 sticky && chown 1:2 grün && mkfifo fifo && mknod null c 1 3 && touch -d '2001-02-03 04:05:06.5' sub/deep && ` +
        `truncate -s 5M sparse && echo end >> sparse && for i in $(seq 60); do echo $i > sub/deep/$i; done`,
    );
    const fingerprint = async (directory: string) => {
      // Bricks keep times to the microsecond.
      const find = `find . -printf '%p %y %m %U:%G %l %T@\\n' | sed 's/[0-9]\\{4\\}$//' | LC_ALL=C sort`;
      const sums = `find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum`;
      const { stdout, code } = await shell(`cd ${quoted([directory])} && ${find} && ${sums}`);
      expect(code).toBe(0);
      return stdout;
    };
    const before = await fingerprint(tree);
    expect(await glfs('put', '-rp', tree, `${url}/`)).toMatchObject(good);
    expect(await fingerprint(mount.at('tree'))).toBe(before);
    expect(await glfs('cp', '-a', `${url}/tree`, `${url}/around`)).toMatchObject(good);
    expect(await fingerprint(mount.at('around'))).toBe(before);
    expect(await glfs('get', '-rp', `${url}/around`, join(here, 'back'))).toMatchObject(good);
    expect(await fingerprint(join(here, 'back'))).toBe(before);
    expect(await glfs('rm', '-r', `${url}/tree`, `${url}/around`)).toMatchObject(good);
    expect((await shell(`ls -d ${quoted([mount.at('tree'), mount.at('around')])}`)).stdout).toBe('');
  });

  describe('beside coreutils on a mount', () => {
    // Nothing of it is changed by what follows: failures, and looking.
    beforeAll(async () => {
      const lines = [
        `cd ${quoted([mount.path])}`,
        'rm -rf *',
        'mkdir -p d/f e full',
        'echo hi > f',
        'echo x > full/x',
        'ln -s nowhere dang',
        'ln -s loop loop',
        'ln -s full link',
        "touch -d '2001-02-03 04:05' f",
        'truncate -s 70000 large',
        'mkfifo pipe',
      ];
      expect(await shell(lines.join(' && '))).toMatchObject(good);
    });

    /** Runs a line by coreutils on the mount, and by glfs; `@` is the volume. */
    async function both(line: string): Promise<{ theirs: Outcome; ours: Outcome }> {
      const words = line.match(/'[^']*'|\S+/g)!.map((word) => word.replaceAll("'", ''));
      const at = (place: string) => words.map((word) => word.replaceAll('@', place));
      const [name = '', ...args] = at(mount.path);
      const [theirs, ours] = await Promise.all([execute(name, args), inProcess(...at(url))]);
      const neutral = ({ code, stdout, stderr }: Outcome, place: string): Outcome => ({
        code,
        stdout: stdout.replaceAll(place, '@'),
        stderr: stderr.replaceAll(place, '@').replaceAll(`${name}: `, 'glfs: '),
      });
      return { theirs: neutral(theirs, mount.path), ours: neutral(ours, url) };
    }

    test.each([
      'ls @/nope',
      'ls @/nope @/f',
      'ls @/f/x',
      'ls @/loop',
      'cat @/nope',
      'cat @/d',
      'cat @/f/',
      'cp @/nope @/x',
      'cp @/d @/x',
      'cp @/f @/d',
      'cp -r @/d @/f',
      'cp @/f @/f',
      'cp @/f @/nodir/x',
      'cp @/f @/nodir/',
      'cp @/f @/f/x',
      'cp @/f @/e @/nodir',
      'cp @/f @/d @/f',
      'cp @/f @/dang',
      'mv @/nope @/x',
      'mv @/f @/d',
      'mv @/d @/f',
      'mv @/d @/d/x',
      'mv @/f @/f',
      'mv @/d @/nodir/x',
      'mv @/f @/nodir/',
      'rm @/nope',
      'rm @/d',
      'rm -d @/full',
      'rm @/f/x',
      'rm -r @/full/.',
      'rm -f @/nope',
      'mkdir @/d',
      'mkdir @/nope/x',
      'mkdir -p @/f/x',
      'mkdir -p @/dang/x',
      'stat @/nope',
      'df @/nope',
      'touch @/nope/x',
      'truncate -s 5 @/nope/x',
      'truncate -s 5 @/d',
    ])('«%s» fails as coreutils fail, in the same words', async (line) => {
      const { theirs, ours } = await both(line);
      expect(ours).toEqual(theirs);
      expect(ours.stderr === '' || ours.code !== 0).toBe(true);
    });

    test.each([
      'ls @',
      'ls -l @',
      'ls -la @/full',
      'ls -ln @',
      'ls -lh @',
      'ls -lR @',
      'ls -AR @',
      'ls -S @',
      'ls -Sr @',
      'ls @/link',
      'ls -l @/link',
      'ls -d @/d @/f @/link',
      'ls @/f @/full @/e',
      "stat -c '%n %N %s %F %a %A %u %U %g %G %h %i %b %B' @/f @/full @/dang @/pipe",
      "stat -L -c '%F %y %Y' @/f @/link/x",
    ])('«%s» prints what coreutils print', async (line) => {
      const { theirs, ours } = await both(line);
      expect(ours).toEqual(theirs);
      expect(ours.stdout).not.toBe('');
    });
  });

  test('what is changed by the command line is what a mount sees', async () => {
    const steps = [
      ['mkdir', '-p', '-m', '2750', `${url}/a/b/c`],
      ['touch', '-d', '2001-02-03 04:05:06', `${url}/a/f`],
      ['truncate', '-s', '3K', `${url}/a/f`],
      ['mv', `${url}/a/f`, `${url}/a/b/g`],
      ['xattr', 'set', 'user.origin', 'tape 17', `${url}/a/b/g`],
      ['touch', '-c', `${url}/a/none`],
    ];
    for (const step of steps) expect(await inProcess(...step)).toMatchObject(good);
    const { stdout } = await shell(
      `cd ${quoted([mount.path])} && find a -printf '%p %y %m %s\\n' | grep -v ' d ' | sort; stat -c '%a' a/b/c; getfattr --only-values -n user.origin a/b/g`,
    );
    expect(stdout).toBe('a/b/g f 644 3072\n2750\ntape 17');
    expect(await inProcess('xattr', 'get', 'user.origin', `${url}/a/b/g`)).toMatchObject({
      ...good,
      stdout: 'tape 17\n',
    });
    expect((await inProcess('xattr', 'get', 'user.none', `${url}/a/b/g`)).stderr).toContain(
      "cannot get attribute 'user.none' of ",
    );
    expect(await inProcess('tree', `${url}/a`)).toMatchObject({
      ...good,
      stdout: `${url}/a\n└── b\n    ├── c\n    └── g\n\n2 directories, 1 file\n`,
    });
  });

  test('df agrees with a mount', async () => {
    const ours = (await inProcess('df', url)).stdout.trim().split('\n').at(-1)!.split(/ +/);
    const theirs = (await shell(`df ${quoted([mount.path])}`)).stdout.trim().split('\n').at(-1)!.split(/ +/);
    expect(ours[0]).toBe(url);
    expect(ours[1]).toBe(theirs[1]);
    // Others use the disk, too.
    expect(Math.abs(Number(ours[3]) - Number(theirs[3]))).toBeLessThan(Number(theirs[1]) / 100);
  });

  test('--json can be parsed, and says what the mount says', async () => {
    await shell(
      `cd ${quoted([mount.path])} && mkdir json && echo hi > json/f && ln -s f json/l && chmod 640 json/f`,
    );
    const listed = JSON.parse((await inProcess('ls', '--json', `${url}/json`)).stdout) as Record<
      string,
      unknown
    >[];
    expect(listed).toMatchObject([
      {
        url: `${url}/json/f`,
        path: '/json/f',
        name: 'f',
        type: 'file',
        mode: '0640',
        size: 3,
        uid: 0,
        nlink: 1,
      },
      { url: `${url}/json/l`, path: '/json/l', name: 'l', type: 'symlink', target: 'f' },
    ]);
    const [stat] = JSON.parse((await inProcess('stat', '--json', `${url}/json/f`)).stdout) as Record<
      string,
      string
    >[];
    const [inode, seconds] = (await shell(`stat -c '%i %Y' ${quoted([mount.at('json/f')])}`)).stdout
      .trim()
      .split(' ');
    expect(stat).toMatchObject({ ino: inode, gfid: listed[0]!.gfid });
    expect(Math.floor(Date.parse(stat!.mtime!.slice(0, 23).concat('Z')) / 1000)).toBe(Number(seconds));
    const [info] = JSON.parse((await inProcess('info', '--json', url)).stdout) as {
      id: string;
      bricks: { up: boolean; brick: string }[];
    }[];
    expect(info!.bricks.map(({ up, brick }) => [up, brick])).toEqual(
      volume.bricks.map(({ host, path }) => [true, `${host}:${path}`]),
    );
    expect(await volume.cli('info', 'cli')).toContain(`Volume ID: ${info!.id}`);
    const failed = await inProcess('rm', '--json', `${url}/nope`);
    expect(JSON.parse(failed.stdout)).toEqual([]);
    expect(JSON.parse(failed.stderr)).toMatchObject({ error: { code: 'ENOENT', path: '/nope' } });
  });

  test('volfile and info', async () => {
    const volfile = await inProcess('volfile', url);
    expect(volfile.stdout).toMatch(/^volume cli-client-0\n {4}type protocol\/client\n/);
    const graph = (await inProcess('volfile', '--graph', url)).stdout;
    expect(graph).toMatch(/^cli {2}\(debug\/io-stats\)\n/);
    for (const { host, path } of volume.bricks) expect(graph).toContain(`(protocol/client)  ${host}:${path}`);
    await volume.killBrick(1);
    try {
      const { stdout, code } = await inProcess('info', url);
      expect(code).toBe(0);
      expect(stdout).toContain('Bricks:   2 of 3 up');
      expect(stdout).toMatch(new RegExp(`cli-client-1 ${volume.brick(1).host}:.* DOWN\n`));
    } finally {
      await volume.restartBrick(1);
    }
  });

  test('unknown volumes, unreachable servers and a user without rights are told in one line', async () => {
    const [first] = pool.hosts;
    expect(await inProcess('ls', `gluster://${first}/none`)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^glfs: cannot access 'gluster:\/\/.*\/none': No such file or directory \(.*none.*\)\n$/,
      ),
    });
    const closed = first!.replace(/\d+$/, '250');
    expect(await inProcess('ls', '--timeout', '2', `gluster://${closed}/none`)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^glfs: cannot access 'gluster:\/\/.*\/none': Connection refused .*\n$/),
    });
    expect(
      await inProcess('touch', '--backup-server', first!, `gluster://${closed}/cli/found`),
    ).toMatchObject(good);
    expect(await inProcess('--uid', '1000', '--gid', '1000', 'rm', `${url}/found`)).toMatchObject({
      code: 1,
      stderr: `glfs: cannot remove '${url}/found': Permission denied\n`,
    });
  });

  test('a reader who leaves early, and SIGINT, end it at once, in silence, with nothing left open', async () => {
    await shell(`head -c 30000000 /dev/zero > ${quoted([mount.at('zeros')])}`);
    const cut = await shell(
      `${glfsCommand} cat ${quoted([`${url}/zeros`])} | head -c 10 | wc -c; echo "\${PIPESTATUS[0]}"`,
    );
    expect(cut).toMatchObject({ stdout: '10\n141\n', stderr: '' });
    const child = spawn(process.execPath, [...glfsArguments, 'put', '-', `${url}/endless`], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (bytes) => (stderr += String(bytes)));
    child.stdin.on('error', () => {});
    child.stdin.write(Buffer.alloc(3 * 1024 * 1024));
    await waitUntil(async () => (await shell(`test -s ${quoted([mount.at('endless')])}`)).code === 0, {
      what: 'the first bytes',
    });
    const since = Date.now();
    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number];
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
    expect(Date.now() - since).toBeLessThan(10_000);
    await waitUntil(async () => (await openByBricks()) === 0, { what: 'the bricks to have no file open' });
  });

  /** Fds that bricks have open for clients. */
  async function openByBricks(): Promise<number> {
    const states = await Promise.all(volume.bricks.map((brick) => brickState(brick)));
    return states.reduce((sum, state) => sum + state.fds.length, 0);
  }

  test('it is done soon after the work is: connecting and closing take milliseconds', async () => {
    const bare = await timed(() => glfs('--version'));
    const listing = await timed(() => glfs('ls', '-d', url));
    expect(listing - bare).toBeLessThan(3_000);
  });

  async function timed(work: () => Promise<Outcome>): Promise<number> {
    const times: number[] = [];
    for (let run = 0; run < 3; run++) {
      const since = performance.now();
      expect((await work()).code).toBe(0);
      times.push(performance.now() - since);
    }
    return Math.min(...times);
  }
});
