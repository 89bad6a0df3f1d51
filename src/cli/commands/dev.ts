import { resolve } from 'node:path';
import { isGlfsError } from '../../errors.ts';
import { type Cluster, startCluster, type VolumeSpec } from '../../testing/index.ts';
import { command } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { failed } from '../failed.ts';
import { parseCount } from '../numbers.ts';
import type { Session } from '../session.ts';
import { strerror } from '../strerror.ts';

interface DevOptions {
  type: string;
  volume: string;
  directory: string;
  host: string;
  port: string;
  workers?: boolean;
  option?: readonly string[];
}

/** @throws UsageError */
function settings(options: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    options.map((text) => {
      const at = text.indexOf('=');
      if (at <= 0) throw new UsageError(`not a volume option: '${text}': KEY=VALUE is expected`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

async function announce({ out }: Session, cluster: Cluster, volume: string, type: string): Promise<void> {
  const bricks = cluster.bricks(volume).map((brick) => ({ directory: brick.directory, port: brick.port }));
  const { directory } = cluster;
  // One object at once, not an array that ends with us: whoever started us waits for it.
  if (out.json)
    return out.raw(Buffer.from(`${JSON.stringify({ url: cluster.url(volume), type, directory, bricks })}\n`));
  await out.line(cluster.url(volume));
  await out.line(`  ${type}, kept in ${directory}`);
  for (const brick of bricks) await out.line(`  ${cluster.host}:${brick.port}  ${brick.directory}`);
  await out.line('Serving until ^C. For development and tests: it heals nothing and guards no real data.');
  await out.flush();
}

/** Why nothing is served, in terms of the command line. */
function refusal(error: unknown, { directory, host, port }: DevOptions): Error {
  if (isGlfsError(error, 'EINVAL')) return new UsageError(error.reason);
  const cause = isGlfsError(error) ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  if (!isGlfsError(error) || cause?.syscall !== 'listen') return failed(`cannot serve '${directory}'`, error);
  const hint = error.code === 'EADDRINUSE' ? ' (--port 0 takes a free port)' : '';
  const message = `cannot listen on ${host}, port ${port}: ${strerror(error.code)}${hint}`;
  return new CommandError(message, { cause: error });
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}

export const dev = command<DevOptions>({
  name: 'dev',
  summary: 'serve a volume from this process, without GlusterFS',
  operands: '',
  description:
    'Starts a management server and bricks on the loopback, prints the URL of the volume, and serves until ^C. Data stay in the directory, and the next start with it serves them again.',
  options: [
    {
      flags: '--type <type>',
      help: "'distribute 2', 'replicate 3', 'replicate 3 arbiter 1', 'disperse 4+2', 'stripe 2', and 'TYPE x 2'",
      default: 'distribute 2',
    },
    { flags: '--volume <name>', help: 'name of the volume', default: 'demo' },
    { flags: '--directory <dir>', help: 'where the bricks lie', default: 'glfs-dev' },
    { flags: '--host <address>', help: 'loopback address to bind', default: '127.0.0.1' },
    {
      flags: '--port <port>',
      help: 'of the management server; 0 takes a free one. Some clients know 24007 only',
      default: '24007',
    },
    { flags: '--workers', help: 'a process for each brick' },
    {
      flags: '--option <key=value>',
      help: 'as gluster volume set; may be repeated. docs/embedded-cluster.md has all, an unknown one tells its likes',
      repeated: true,
    },
  ],
  examples: [
    ['dev', 'two bricks in ./glfs-dev, gluster://127.0.0.1/demo'],
    [
      "dev --type 'disperse 4+2' --host 127.1.1.9",
      'for mount -t glusterfs 127.1.1.9:/demo and qemu-img, which want port 24007',
    ],
    ['dev --option features.cache-invalidation=on', 'with upcalls'],
  ],
  async run(session, operands, options) {
    if (operands.length > 0) throw new UsageError(`extra operand '${operands[0]}'`);
    const port = parseCount(options.port, 'port');
    if (port > 65_535) throw new UsageError(`invalid port: '${options.port}'`);
    const { volume, type } = options;
    const spec: VolumeSpec = { type, options: settings(options.option) };
    const cluster = await startCluster({
      volumes: { [volume]: spec },
      directory: resolve(options.directory),
      host: options.host,
      port,
      bricks: options.workers ? 'workers' : 'process',
      logger: session.logger,
    }).catch((error: unknown) => {
      throw refusal(error, options);
    });
    try {
      await announce(session, cluster, volume, type);
      await ended(session.signal);
    } finally {
      await cluster.stop();
    }
  },
});
