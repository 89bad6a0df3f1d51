import { FaultProxy, type Inspect, type Verdict } from './faults.ts';
import type { Pool } from './pool.ts';
import type { Brick } from './volume.ts';

const handshake = 14_398_633;
const getspec = 2;
const portmap = 34_123_456;
const portByBrick = 1;
const managementPort = 24_007;
/** Marker, xid, REPLY, accepted, verifier (2 words), success: the result starts here. */
const resultAt = 28;

/** Like {@link Inspect}, with the brick that the connection goes to. */
export type InspectBrick = (brick: string, ...rest: Parameters<Inspect>) => ReturnType<Inspect>;

/**
 * A pool behind fault proxies, all of it: glusterds answer on addresses of a subnet of the proxies' own; the volfile that
 * comes through names these addresses instead of the real ones, and PORTBYBRICK answers with the port of a proxy
 * before the brick. A client that connects to `hosts` thus has every connection of its within reach of a test.
 */
export class ClusterProxy {
  /** Addresses to connect to, in the order of the pool's nodes; port 24007. */
  readonly hosts: string[];
  /** Proxies before the glusterds, in the same order. */
  readonly managers: FaultProxy[] = [];
  /** Called for every record from and to a brick. */
  inspect: InspectBrick | undefined;
  private readonly pool: Pool;
  private readonly bricks = new Map<string, { port: number; proxy: Promise<FaultProxy> }>();

  private constructor(pool: Pool, hosts: string[]) {
    this.pool = pool;
    this.hosts = hosts;
  }

  /** Starts the proxies on `<subnet>.1`, `<subnet>.2`, … */
  static async start(pool: Pool, subnet: string): Promise<ClusterProxy> {
    const cluster = new ClusterProxy(
      pool,
      pool.hosts.map((_, index) => `${subnet}.${index + 1}`),
    );
    for (const index of pool.hosts.keys()) cluster.managers.push(await cluster.startManager(index));
    return cluster;
  }

  /** The proxy before a brick; undefined until a client has asked for the brick's port. */
  async brick(brick: Brick): Promise<FaultProxy | undefined> {
    return this.bricks.get(`${brick.host}:${brick.path}`)?.proxy;
  }

  /** Ends all proxies. */
  async close(): Promise<void> {
    for (const { proxy } of this.bricks.values()) await (await proxy).close();
    for (const manager of this.managers) await manager.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private startManager(index: number): Promise<FaultProxy> {
    const real = this.pool.node(index).host;
    const front = this.hosts[index] ?? '';
    const asked = new Map<number, string>();
    return FaultProxy.start({
      host: front,
      port: managementPort,
      target: { host: real, port: managementPort },
      inspect: (head, direction, bytes) => {
        if (head.program === portmap && head.procedure === portByBrick) {
          if (direction === 'toServer') asked.set(head.xid, brickOfCall(bytes));
          else return this.rewritePort(real, front, asked.get(head.xid) ?? '', bytes);
        }
        if (head.program === handshake && head.procedure === getspec && direction === 'toClient') {
          return this.rewriteVolfile(bytes);
        }
        return 'pass';
      },
    });
  }

  /** Result: ret, errno, status, port. */
  private async rewritePort(real: string, front: string, path: string, bytes: Buffer): Promise<Verdict> {
    const portAt = resultAt + 12;
    if (bytes.length < portAt + 4) return 'pass';
    const port = bytes.readInt32BE(portAt);
    if (port <= 0) return 'pass';
    const proxy = await this.proxyFor(`${real}:${path}`, real, front, port);
    const changed = Buffer.from(bytes);
    changed.writeInt32BE(proxy.port, portAt);
    return changed;
  }

  private async proxyFor(brick: string, real: string, front: string, port: number): Promise<FaultProxy> {
    const known = this.bricks.get(brick);
    if (known?.port === port) return known.proxy;
    const proxy = FaultProxy.start({
      host: front,
      target: { host: real, port },
      inspect: (...seen) => this.inspect?.(brick, ...seen) ?? 'pass',
    });
    this.bricks.set(brick, { port, proxy });
    // A brick that moved is not to be reached on its old port through us either.
    if (known) await (await known.proxy).close();
    return proxy;
  }

  /** Result: ret (length of the volfile), errno, string volfile, opaque. */
  private rewriteVolfile(bytes: Buffer): Verdict {
    if (bytes.length < resultAt + 12 || bytes.readInt32BE(resultAt) <= 0) return 'pass';
    const length = bytes.readUInt32BE(resultAt + 8);
    const textAt = resultAt + 12;
    let text = bytes.toString('latin1', textAt, textAt + length);
    for (const [index, real] of this.pool.hosts.entries()) {
      text = text.replaceAll(`option remote-host ${real}\n`, `option remote-host ${this.hosts[index]}\n`);
    }
    const changed = Buffer.concat([
      bytes.subarray(0, textAt),
      Buffer.from(text, 'latin1'),
      Buffer.alloc(-text.length & 3),
      bytes.subarray(textAt + length + (-length & 3)),
    ]);
    // ret counts the volfile without the string's own NUL, the string may have one: both shift alike.
    changed.writeInt32BE(bytes.readInt32BE(resultAt) + text.length - length, resultAt);
    changed.writeUInt32BE(text.length, resultAt + 8);
    changed.writeUInt32BE((0x80000000 | (changed.length - 4)) >>> 0, 0);
    return changed;
  }
}

/** Call: marker, xid, CALL, 2, program, version, procedure, credential and verifier (flavor, opaque), string brick. */
function brickOfCall(bytes: Buffer): string {
  let at = 28;
  for (let part = 0; part < 2; part++) {
    const length = bytes.readUInt32BE(at + 4);
    at += 8 + length + (-length & 3);
  }
  return bytes.toString('utf8', at + 4, at + 4 + bytes.readUInt32BE(at)).replace(/\0+$/, '');
}
