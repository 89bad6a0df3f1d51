import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { open as openFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { DevServer } from '../helpers/dev-server.ts';
import { libgfapiStories } from '../helpers/libgfapi-stories.ts';
import { type Mount, type MountOptions, mountVolume } from '../helpers/mount.ts';
import { run, runOk } from '../helpers/processes.ts';
import { describeTree, growTree, shellStories, storyPrologue } from '../helpers/shell-stories.ts';
import { waitUntil } from '../helpers/wait.ts';

/*
 * Unmodified clients of GlusterFS on volumes of `glfs dev`: QEMU and fio by way of libgfapi, and FUSE mounts. They know port
 * 24007 only, so that each server has an address of its own, none of the pool's. libgfapi takes 10 s to close, which is waited
 * for side by side.
 */
const pool = attachPool();
const network = pool.hosts[0]!.replace(/\d+$/, '');
const servers: DevServer[] = [];
const mounts: Mount[] = [];

async function serve(last: number, directory: string, ...args: string[]): Promise<DevServer> {
  const server = await DevServer.start(network + last, directory, args);
  servers.push(server);
  return server;
}

const hostOf = (server: DevServer): string => new URL(server.url).hostname;

async function mountOf(server: DevServer, options: Partial<MountOptions> = {}): Promise<Mount> {
  // Without options for caches that the volume does not have: the client would warn of them.
  const mount = await mountVolume(pool, {
    volume: 'demo',
    hosts: [hostOf(server)],
    caches: true,
    args: ['--log-level=WARNING'],
    ...options,
  });
  mounts.push(mount);
  return mount;
}

/** What a FUSE client may warn of: it does so of everything that fails, also where that is what the caller is after. */
const expectedWarnings: readonly RegExp[] = [
  // FUSE says of each call of ours that it failed: the stories try what must fail.
  /fuse-bridge\.c:\d+:fuse_(rename|entry|fd|setattr|create|mknod|link|unlink|truncate|err|xattr)_cbk\].* => -1 \((Directory not empty|File name too long|Permission denied|Operation not permitted|Operation not supported|Numerical result out of range|Resource temporarily unavailable)\)/,
  // Its thread reads from the device before the kernel has attached it to the mount.
  /read from \/dev\/fuse returned -1 \(Operation not permitted\)/,
  // A name of 256 bytes: the brick refuses it, and the client finds that worth a line.
  /client4_0_lookup_cbk\] .*\{error=File name too long\}/,
  // cp asks for data behind the last of a file.
  /client4_0_seek_cbk\] .*\{error=No such device or address\}/,
  // setfattr of a name outside of all namespaces.
  /fuse_setxattr_cbk\] .*extended attribute not supported by the backend storage/,
];

/** What the log of a mount says from warnings on, without what is expected. */
function complaints({ logFile }: Mount): string[] {
  return readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => /^(The message ")?(\[[^\]]*\] )?[WECA] /.test(line))
    .filter((line) => !expectedWarnings.some((pattern) => pattern.test(line)));
}

const gfidAt = async (path: string): Promise<string> =>
  runOk('getfattr', ['--only-values', '-n', 'glusterfs.gfid.string', path]);

/** A volume, with a client of ours and two mounts. */
interface Stage {
  readonly server: DevServer;
  readonly volume: Volume;
  readonly left: Mount;
  readonly right: Mount;
}

const stages = {
  'bricks with trusted.* attributes': [20, []],
  'bricks with records, in workers': [30, ['--workers', '--option', 'storage.attribute-store=sidecar']],
} as const satisfies Record<string, readonly [number, readonly string[]]>;
type StageName = keyof typeof stages;
const stageNames = Object.keys(stages) as StageName[];
const ready = new Map<StageName, Stage>();

async function stage(name: StageName): Promise<Stage> {
  const [last, args] = stages[name];
  const server = await serve(last, pool.scratch('dev'), ...args);
  const volume = await connect(server.url);
  return { server, volume, left: await mountOf(server), right: await mountOf(server) };
}

/** Stories of libgfapi, begun before all others: most of their time is waiting. What they failed with, or nothing. */
const begun = new Map<string, Promise<unknown>>();

beforeAll(async () => {
  for (const name of stageNames) ready.set(name, await stage(name));
  const { server, volume } = ready.get(stageNames[0]!)!;
  const studio = { volume, host: hostOf(server) };
  const outcome = (story: Promise<void>): Promise<unknown> => story.catch((error: unknown) => error);
  for (const [name, story] of Object.entries(libgfapiStories))
    begun.set(name, outcome(story({ ...studio, scratch: pool.scratch('studio') })));
  begun.set(documented, outcome(documentedExample()));
});

afterAll(async () => {
  await Promise.all(begun.values());
  for (const { volume } of ready.values()) await volume.close();
  await Promise.all(mounts.map((mount) => mount.unmount()));
  await Promise.all(servers.map((server) => server.stop()));
});

const documented = 'the example of docs/embedded-cluster.md';

async function documentedExample(): Promise<void> {
  const page = readFileSync(new URL('../../docs/embedded-cluster.md', import.meta.url), 'utf8');
  const [, type, host] = /^glfs dev --type '(.+?)' --host (\S+) /m.exec(page)!;
  const example = /^qemu-img (create .*)$/m.exec(page)![1]!;
  expect(example).toContain(host);
  // On an address of ours.
  const own = await serve(29, pool.scratch('documented'), '--type', type!);
  await runOk('qemu-img', example.replace(host!, hostOf(own)).split(' '));
  const mount = await mountOf(own);
  const bytes = await readFile(mount.at('disk.qcow2'));
  expect(bytes.subarray(0, 4).toString('latin1')).toBe('QFI\xfb');
  expect(complaints(mount)).toEqual([]);
}

/** On all stages at once. */
async function onAll(play: (stage: Stage, name: StageName) => Promise<void>): Promise<void> {
  await Promise.all(stageNames.map((name) => play(ready.get(name)!, name)));
}

describe('FUSE', () => {
  test.each(Object.entries(shellStories))('%s', async (story, script) => {
    const told = async (a: string, b: string): Promise<string> => {
      const at = `story-${story.replace(/\W+/g, '-')}`;
      const [A, B, temporary] = [join(a, at), join(b, at), pool.scratch('story')];
      for (const directory of [A, temporary]) mkdirSync(directory);
      const environment = [`A=${A}`, `B=${B}`, `TMP=${temporary}`];
      const all = `exec 2>&1 </dev/null\n${storyPrologue}${script}`;
      const { stdout } = await run('env', [...environment, 'bash', '-c', all], 60_000);
      // getfattr shows paths without the slash in front.
      return [A, B, A.slice(1), B.slice(1)].reduce((text, path) => text.replaceAll(path, 'D'), stdout);
    };
    const kernel = pool.scratch('kernel');
    mkdirSync(kernel);
    const expected = await told(kernel, kernel);
    expect(expected.length).toBeGreaterThan(5);
    expect(expected).not.toMatch(/command not found|syntax error/);
    await onAll(async ({ left, right }, name) => {
      expect(await told(left.path, right.path), name).toBe(expected);
    });
  });

  test('a tree is the same after cp -a, for FUSE and for glfs', async () => {
    const tree = pool.scratch('tree');
    mkdirSync(tree);
    await runOk('bash', ['-c', `cd '${tree}'\n${growTree}`]);
    const list = (at: string): Promise<string> => runOk('bash', ['-c', `cd '${at}'\n${describeTree}`]);
    const expected = await list(tree);
    expect(expected.split('\n').length).toBeGreaterThan(200);
    const names = readdirSync(tree, { recursive: true, encoding: 'utf8' });

    await onAll(async ({ left, right, volume }, stageName) => {
      await runOk('cp', ['-a', tree, left.at('tree')]);
      const seen = await Promise.all([left, right].map((mount) => list(mount.at('tree'))));
      for (const one of seen) expect(one, stageName).toBe(expected);
      for (const name of names.filter((at) => !at.includes('\ufffd'))) {
        const [ours, theirs] = [await volume.lstat(`/tree/${name}`), lstatSync(join(tree, name))];
        expect([name, ours.mode, ours.uid, ours.gid]).toEqual([name, theirs.mode, theirs.uid, theirs.gid]);
        if (theirs.isFile()) {
          const bytes = await volume.readFile(`/tree/${name}`);
          expect(bytes.equals(readFileSync(join(tree, name))), name).toBe(true);
        }
        if (theirs.isSymbolicLink())
          expect(await volume.readlink(`/tree/${name}`)).toBe(readlinkSync(join(tree, name)));
      }
      const linked = await Promise.all(['f2', 'sub/hard'].map((at) => volume.stat(`/tree/dir3/${at}`)));
      expect([linked[0]!.gfid, linked[0]!.nlink]).toEqual([linked[1]!.gfid, 2]);
      await runOk('rm', ['-rf', right.at('tree')]);
      await expect(volume.stat('/tree')).rejects.toMatchObject({ code: 'ENOENT' });
    });
  });

  test('what glfs makes FUSE sees', async () => {
    await onAll(async ({ left, volume }) => {
      await volume.mkdir('/made', { mode: 0o750 });
      await volume.writeFile('/made/f', 'by glfs', { mode: 0o604 });
      await volume.symlink('f', '/made/s');
      await volume.link('/made/f', '/made/h');
      await volume.setxattr('/made/f', 'user.colour', Buffer.from('blue'));
      const shown = await runOk('bash', [
        '-c',
        `cd '${left.at('made')}'; stat -c '%n %F %a %h' . *; cat s; getfattr --only-values -n user.colour h`,
      ]);
      expect(shown).toBe(
        '. directory 750 2\nf regular file 604 2\nh regular file 604 2\ns symbolic link 777 1\nby glfsblue',
      );
    });
  });

  test('df tells of the file system that the bricks share', async () => {
    const bytes = async (path: string): Promise<number> => {
      const [blocks, size] = (await runOk('stat', ['-f', '-c', '%b %S', path])).split(' ').map(Number);
      return blocks! * size!;
    };
    await onAll(async ({ left, server }) => {
      const [all, brick] = [await bytes(left.path), await bytes(server.announced.bricks[0]!.directory)];
      expect(all / brick).toBeCloseTo(1, 1);
    });
  });
});

describe.each([
  ['in one process', 21, []],
  ['in workers', 22, ['--workers']],
] as const)('glfs dev with bricks %s, killed', (_, last, args) => {
  test('the next one serves the same files, and mounts go on', async () => {
    const directory = pool.scratch('killed');
    const first = await serve(last, directory, ...args);
    const mount = await mountOf(first);
    const names = Array.from({ length: 20 }, (_, index) => `d/f${index}`);
    mkdirSync(mount.at('d'));
    for (const name of names) await writeFile(mount.at(name), name.repeat(1000));
    await runOk('setfattr', ['-n', 'user.kept', '-v', 'yes', mount.at(names[0]!)]);
    const gfids = await Promise.all(names.map((name) => gfidAt(mount.at(name))));
    const open = await openFile(mount.at('open'), 'w+');
    await open.write('before ');

    await first.kill();
    // Workers hear of it a moment later.
    const cut = (error: NodeJS.ErrnoException): boolean => error.code === 'ENOTCONN';
    await waitUntil(() => readFile(mount.at(names[0]!)).then(() => false, cut), {
      what: 'the mount to be cut off',
    });
    const second = await serve(last, directory, ...args);
    expect(second.announced).toEqual(first.announced);
    await waitUntil(() => readFile(mount.at(names[0]!)).then(() => readFile(mount.at(names[1]!))), {
      what: 'the mount to be connected again',
    });
    // Until all bricks are back, entries of the others are missed.
    await waitUntil(async () => (await readdir(mount.at('d'))).length === names.length, {
      what: 'all files',
    });
    for (const [index, name] of names.entries()) {
      expect(await readFile(mount.at(name), 'utf8')).toBe(name.repeat(1000));
      expect(await gfidAt(mount.at(name))).toBe(gfids[index]);
    }
    expect(await runOk('getfattr', ['--only-values', '-n', 'user.kept', mount.at(names[0]!)])).toBe('yes');
    // The client opens its file again.
    await open.write('after');
    await open.close();
    expect(await readFile(mount.at('open'), 'utf8')).toBe('before after');
    await writeFile(mount.at('d/new'), 'new');
    await using volume = await connect(second.url);
    expect((await volume.readFile('/d/new')).toString()).toBe('new');
    expect(await volume.readdir('/d')).toHaveLength(names.length + 1);
    expect(await second.stop()).toBe(0);
    expect(second.logged()).toEqual([]);
  });
});

describe.concurrent('options', () => {
  const options = (...given: string[]): string[] => given.flatMap((option) => ['--option', option]);

  test.each([
    ['auth.reject=127.*', 23],
    ['auth.allow=10.0.0.0/8', 24],
  ])('%s: a mount is refused', async (option, last) => {
    const server = await serve(last, pool.scratch('refused'), ...options(option));
    await expect(mountOf(server)).rejects.toThrow(/[Aa]uth[a-z]* failed|authenication failed/);
    await expect(connect(server.url)).rejects.toMatchObject({ code: 'EACCES' });
  });

  test('auth.allow and auth.reject of others: a mount is let in', async () => {
    const server = await serve(
      25,
      pool.scratch('allowed'),
      ...options('auth.allow=127.*', 'auth.reject=127.9.9.9'),
    );
    const mount = await mountOf(server);
    await writeFile(mount.at('f'), 'let in');
    expect(await readFile(mount.at('f'), 'utf8')).toBe('let in');
    expect(complaints(mount)).toEqual([]);
  });

  test('features.read-only', async () => {
    const directory = pool.scratch('read-only');
    const first = await serve(26, directory);
    await using volume = await connect(first.url);
    await volume.writeFile('/f', 'as it was');
    await volume.close();
    await first.stop();
    const mount = await mountOf(await serve(26, directory, ...options('features.read-only=on')));
    expect(await readFile(mount.at('f'), 'utf8')).toBe('as it was');
    const { stdout } = await run('bash', [
      '-c',
      `exec 2>&1; cd '${mount.path}'; echo x > f; echo x > g; rm f; mkdir d; mv f g; ln f h; chmod 600 f; setfattr -n user.x -v 1 f; cat f`,
    ]);
    expect(stdout.match(/Read-only file system/g)).toHaveLength(8);
    expect(stdout.endsWith('as it was')).toBe(true);
  });

  test('server.root-squash: root is nobody', async () => {
    const directory = pool.scratch('squashed');
    const server = await serve(27, directory, ...options('server.root-squash=on'));
    for (const brick of server.announced.bricks) chmodSync(brick.directory, 0o777);
    const mount = await mountOf(server);
    const { stdout } = await run('bash', [
      '-c',
      `exec 2>&1; cd '${mount.path}'; umask 022; mkdir d; echo x > d/f; stat -c '%n %u:%g %a' d d/f; chown 0 d/f; cat d/f`,
    ]);
    expect(stdout.replace(/^chown: .*$/m, 'chown: no')).toBe(
      'd 65534:65534 755\nd/f 65534:65534 644\nchown: no\nx\n',
    );
  });

  test('features.cache-invalidation: what another client changed is seen, whatever is cached', async () => {
    const server = await serve(
      28,
      pool.scratch('upcall'),
      ...options(
        'features.cache-invalidation=on',
        'features.cache-invalidation-timeout=600',
        'performance.stat-prefetch=on',
        'performance.cache-invalidation=on',
        'performance.md-cache-timeout=600',
      ),
    );
    await using volume = await connect(server.url);
    await volume.writeFile('/f', 'short');
    await volume.setxattr('/f', 'user.colour', Buffer.from('blue'));
    const mount = await mountOf(server);
    const stat = (): Promise<string> => runOk('stat', ['-c', '%s %a', mount.at('f')]);
    expect(await stat()).toBe('5 644\n');
    await volume.writeFile('/f', 'much longer');
    await waitUntil(async () => (await stat()) === '11 644\n', { what: 'the new size' });
    await volume.chmod('/f', 0o600);
    await waitUntil(async () => (await stat()) === '11 600\n', { what: 'the new mode' });
    await volume.unlink('/f');
    await waitUntil(async () => (await run('stat', [mount.at('f')])).code !== 0, {
      what: 'the file to be gone',
    });
    expect(complaints(mount)).toEqual([]);
  });
});

describe('libgfapi', () => {
  test.each([...Object.keys(libgfapiStories), documented])('%s', async (name) => {
    const failure = await begun.get(name);
    if (failure !== undefined) throw failure;
  });
});

test.each(stageNames)('%s: nobody had anything to complain of', (kind) => {
  const { server, left, right } = ready.get(kind)!;
  expect(server.logged()).toEqual([]);
  for (const mount of [left, right]) expect(complaints(mount)).toEqual([]);
});
