import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isGlfsError, sharedResources, type Volume } from '../../src/index.ts';
import { type Cluster, type FaultRule, startCluster, type TestBrick } from '../../src/testing/index.ts';
import { waitUntil } from '../helpers/wait.ts';
import { RawPeer } from '../rpc/served.ts';

const volumes = { demo: { type: 'distribute 1' } } as const;

async function connected(cluster: Cluster, grace = '10'): Promise<Volume> {
  return cluster.connect('demo', { translatorOptions: { '*-client-*.reconnect-grace': grace } });
}

/** Processes that a process has started. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return Number(parent) === pid && state !== 'Z';
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe.each(['process', 'workers'] as const)('bricks in %s', (bricks) => {
  let cluster: Cluster;
  let brick: TestBrick;
  let volume: Volume;

  beforeAll(async () => {
    cluster = await startCluster({ volumes, bricks, seed: 7 });
    brick = cluster.bricks('demo')[0]!;
    volume = await connected(cluster);
  });
  afterEach(async () => {
    if (brick.state === 'down') await brick.restart();
    await brick.thaw();
    await brick.clearFaults();
    await brick.fill(false);
  });
  afterAll(async () => {
    await volume.close();
    await cluster.stop();
    expect(sharedResources()).toBe(0);
  });

  test('a killed brick is gone until it is restarted, with its data, on its port', async () => {
    await volume.writeFile('/kept', 'data');
    const { port } = brick;
    await brick.kill();
    expect(brick.state).toBe('down');
    // Other options, so that it shares no connection with the volume, which still waits for the brick.
    await expect(connected(cluster, '1')).rejects.toMatchObject({ code: 'ENOTCONN' });
    const read = volume.readFile('/kept');
    await brick.restart();
    expect([brick.state, brick.port]).toEqual(['up', port]);
    expect((await read).toString()).toBe('data');
  });

  test('a program that tries again without a pause does not keep its client from coming back', async () => {
    await using impatient = await connected(cluster, '1');
    await brick.kill();
    await expect(impatient.stat('/')).rejects.toMatchObject({ code: 'ENOTCONN' });
    await brick.restart();
    const deadline = Date.now() + 15_000;
    const again = (): Promise<unknown> =>
      impatient.stat('/').catch((error) => (Date.now() < deadline ? again() : error));
    expect(isGlfsError(await again())).toBe(false);
  });

  test.runIf(bricks === 'process')(
    'restarting one that runs cuts its connections, and nothing is lost',
    async () => {
      const file = await volume.open('/open', 'w+');
      await file.pwrite('before', 0);
      await brick.restart();
      const { buffer } = await file.pread(6, 0);
      expect(buffer.toString()).toBe('before');
      await file.close();
    },
  );

  test('a frozen brick answers nothing until it is thawed', async () => {
    await volume.writeFile('/cold', 'x');
    await brick.freeze();
    expect(brick.state).toBe('frozen');
    let settled = false;
    const read = volume.readFile('/cold').finally(() => {
      settled = true;
    });
    await expect(volume.stat('/cold', { timeout: 300 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(settled).toBe(false);
    await brick.thaw();
    expect((await read).toString()).toBe('x');
  });

  test('it thaws by itself when its time is over', async () => {
    await brick.freeze(200);
    await volume.stat('/');
    expect(brick.state).toBe('up');
  });

  test('the nth call of a kind fails, and only that', async () => {
    const file = await volume.open('/nth', 'w');
    const fault = await brick.fault({ fop: 'write', nth: 3, action: 'fail', errno: 'EDQUOT' });
    const outcomes: string[] = [];
    for (let call = 1; call <= 4; call++)
      outcomes.push(await file.pwrite('x', call - 1).then(() => 'done', codeOf));
    expect(outcomes).toEqual(['done', 'done', 'EDQUOT', 'done']);
    expect(await fault.acted()).toBe(1);
    await file.close();
  });

  test('fail-after: executed all the same', async () => {
    await brick.fault({ fop: 'mkdir', action: 'fail-after', errno: 'EIO' });
    await expect(volume.mkdir('/made-after-all')).rejects.toMatchObject({ code: 'EIO' });
    expect(existsSync(join(brick.directory, 'made-after-all'))).toBe(true);
  });

  test('delay: late, and not before', async () => {
    await brick.fault({ fop: 'statfs', action: 'delay', milliseconds: 250 });
    const began = performance.now();
    await volume.statfs('/');
    expect(performance.now() - began).toBeGreaterThan(240);
    await volume.statfs('/', { timeout: 5000 });
  });

  test.each<FaultRule['action']>(['drop', 'truncate'])(
    '%s: nobody knows whether a write was made; reads are made again',
    async (action) => {
      const file = await volume.open(`/${action}`, 'w+');
      await file.pwrite('first', 0);
      const writes = await brick.fault({ fop: 'write', action });
      await expect(file.pwrite('again', 0)).rejects.toMatchObject({
        code: 'ENOTCONN',
        outcome: 'unknown',
      });
      expect(await writes.acted()).toBe(1);
      expect(readFileSync(join(brick.directory, action), 'utf8')).toBe('again');
      const reads = await brick.fault({ fop: 'read', action });
      const { buffer } = await file.pread(5, 0);
      expect(buffer.toString()).toBe('again');
      expect(await reads.acted()).toBe(1);
      await file.close();
    },
  );

  test('hang: no answer, and what it held up is given back when the client goes', async () => {
    const other = await connected(cluster);
    const fault = await brick.fault({ fop: 'statfs', action: 'hang' });
    await expect(other.statfs('/', { timeout: 200 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(await fault.acted()).toBe(1);
    await other.statfs('/');
    await other.close();
  });

  test('a full brick takes no more, and lets be read and removed', async () => {
    await volume.writeFile('/small', 'x');
    await brick.fill();
    await expect(volume.writeFile('/small', 'more')).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(volume.mkdir('/new')).rejects.toMatchObject({ code: 'ENOSPC' });
    await volume.readdir('/');
    await brick.restart();
    await expect(volume.mkdir('/new')).rejects.toMatchObject({ code: 'ENOSPC' });
    await volume.unlink('/small');
    await brick.fill(false);
    await volume.mkdir('/new');
  });

  test('connections are cut, with what is under way on them, and come back', async () => {
    const file = await volume.open('/under-way', 'w');
    using bystander = await RawPeer.connect(brick.port);
    const hung = await brick.fault({ fop: 'write', action: 'hang' });
    const write = expect(file.pwrite('x', 0)).rejects.toMatchObject({ code: 'ENOTCONN', outcome: 'unknown' });
    await waitUntil(async () => (await hung.acted()) === 1, { what: 'the write to reach the brick' });
    await brick.disconnectClients();
    await write;
    await bystander.closed();
    expect(brick.state).toBe('up');
    await file.pwrite('again', 0);
    await file.close();
    expect(readFileSync(join(brick.directory, 'under-way'), 'utf8')).toBe('again');
  });

  test('counts calls', async () => {
    const before = (await brick.counts()).mkdir ?? 0;
    await volume.mkdir('/counted-1');
    await volume.mkdir('/counted-2');
    expect((await brick.counts()).mkdir).toBe(before + 2);
  });

  test('rules are taken away, and end with the brick', async () => {
    const one = await brick.fault({ fop: 'mkdir', action: 'fail', times: Number.POSITIVE_INFINITY });
    await expect(volume.mkdir('/dir')).rejects.toMatchObject({ code: 'EIO' });
    await one.remove();
    await volume.mkdir('/dir');
    expect(await one.acted()).toBe(1);
    const two = await brick.fault({ fop: 'mkdir', action: 'fail', times: Number.POSITIVE_INFINITY });
    await brick.restart();
    await volume.mkdir('/dir/below');
    await expect(two.acted()).rejects.toMatchObject({ code: 'ENOTCONN' });
    await two.remove();
  });

  test('a rule that is none is refused', async () => {
    await expect(brick.fault({ action: 'delay' })).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test.runIf(bricks === 'process')('a brick that is down takes no orders', async () => {
    await brick.kill();
    await brick.kill();
    for (const order of [() => brick.freeze(), () => brick.fault({ action: 'fail' }), () => brick.counts()])
      await expect(order()).rejects.toMatchObject({ code: 'ENOTCONN' });
    await brick.disconnectClients();
    await brick.thaw();
  });
});

function codeOf(error: unknown): string {
  return isGlfsError(error) ? error.code : String(error);
}

describe.each(['process', 'workers'] as const)('faults by probability, bricks in %s', (bricks) => {
  /** Which of 40 writes fail. */
  async function run(seed: number): Promise<string> {
    await using cluster = await startCluster({ volumes, seed, bricks });
    await using volume = await connected(cluster);
    await cluster.bricks('demo')[0]!.fault({ fop: 'write', probability: 0.5, action: 'fail' });
    const file = await volume.open('/file', 'w');
    let outcomes = '';
    for (let call = 0; call < 40; call++)
      outcomes += await file.pwrite('x', call).then(
        () => '.',
        () => 'x',
      );
    await file.close();
    return outcomes;
  }

  test('are the same for the same seed', async () => {
    const [one, again, other] = [await run(3), await run(3), await run(4)];
    expect(again).toBe(one);
    expect(other).not.toBe(one);
    expect(one).toMatch(/x/);
    expect(one).toMatch(/\./);
  });
});

describe('workers', () => {
  test('end with the cluster, and one that ends by itself is down', async () => {
    const cluster = await startCluster({ volumes: { demo: { type: 'distribute 2' } }, bricks: 'workers' });
    const workers = childrenOf(process.pid);
    expect(workers.length).toBeGreaterThanOrEqual(2);
    const [brick, other] = cluster.bricks('demo');
    await brick!.kill();
    expect(childrenOf(process.pid).length).toBe(workers.length - 1);
    const [left] = childrenOf(process.pid).filter((pid) => workers.includes(pid));
    process.kill(left!, 'SIGKILL');
    await waitUntil(() => other!.state === 'down', { what: 'the brick to be seen down' });
    await other!.restart();
    await other!.freeze();
    await cluster.stop();
    expect(childrenOf(process.pid).filter((pid) => workers.includes(pid))).toEqual([]);
  });

  test('end with a process that is killed; the next one serves its data', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'glfs-workers-test-'));
    const program = `
      import { startCluster } from ${JSON.stringify(join(import.meta.dirname, '../../src/testing/index.ts'))};
      const cluster = await startCluster({
        volumes: { demo: { type: 'distribute 1' } },
        bricks: 'workers',
        directory: ${JSON.stringify(directory)},
      });
      await (await cluster.connect('demo')).writeFile('/kept', 'by the first');
      console.log('started');`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const workers = childrenOf(child.pid!);
      expect(workers.length).toBeGreaterThanOrEqual(1);
      child.kill('SIGKILL');
      await waitUntil(() => workers.every((pid) => !existsSync(`/proc/${pid}`)), { what: 'workers to end' });
      await using cluster = await startCluster({ volumes, directory });
      await using volume = await connected(cluster);
      expect((await volume.readFile('/kept')).toString()).toBe('by the first');
    } finally {
      child.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
