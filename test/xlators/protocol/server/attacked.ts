import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Dict } from '../../../../src/protocol/dict.ts';
import { serializeDict } from '../../../../src/protocol/dict-serialized.ts';
import type { FopName } from '../../../../src/protocol/fops.ts';
import { newGfid, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { getSpecReply, getSpecRequest, procedures } from '../../../../src/protocol/handshake.ts';
import type { Iatt } from '../../../../src/protocol/iatt.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import type { Identity } from '../../../../src/rpc/index.ts';
import { type Cluster, startCluster } from '../../../../src/testing/index.ts';
import { XdrWriter } from '../../../../src/xdr/index.ts';
import { root, WireClient, type WireReply } from './wire-client.ts';

const NO_GFID = new Uint8Array(16);
const SECRET = 'outside of the brick\n';

/** A brick under attack: a real directory, a healthy client on it, and a directory beside it that nobody may touch. */
export class Attacked {
  private readonly clients: WireClient[] = [];
  private healthy: WireClient | undefined;
  private file: { fd: bigint; gfid: Uint8Array } | undefined;

  private constructor(
    readonly cluster: Cluster,
    /** Of the host, beside the brick. */
    readonly outside: string,
    private readonly above: string,
  ) {}

  static async start(options: Record<string, string> = {}, withHealthy = true): Promise<Attacked> {
    const above = mkdtempSync(join(tmpdir(), 'glfs-attacked-'));
    const outside = join(above, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret'), SECRET);
    const cluster = await startCluster({
      volumes: { v: { type: 'distribute 1', options } },
      directory: join(above, 'cluster'),
    });
    const attacked = new Attacked(cluster, outside, above);
    if (!withHealthy) return attacked;
    attacked.healthy = await attacked.client();
    attacked.file = await attacked.healthy.create('healthy');
    return attacked;
  }

  get directory(): string {
    return this.cluster.bricks('v')[0]!.directory;
  }

  get port(): number {
    return this.cluster.bricks('v')[0]!.port;
  }

  async stranger(): Promise<WireClient> {
    const client = await WireClient.connect({ host: '127.0.0.1', port: this.port });
    this.clients.push(client);
    return client;
  }

  async client(login: Record<string, string> = {}): Promise<WireClient> {
    const client = await this.stranger();
    await client.attach({ 'remote-subvolume': this.directory, ...login });
    return client;
  }

  /** What the management server says to whoever asks. */
  async volfile(key: string): Promise<string> {
    const client = await WireClient.connect({ host: '127.0.0.1', port: this.cluster.port });
    this.clients.push(client);
    const versions = new Dict()
      .setEntry('min-op-version', { type: 'str', value: '1' })
      .setEntry('max-op-version', { type: 'str', value: '100000' });
    const writer = new XdrWriter(256);
    getSpecRequest.encode(writer, { flags: 0, key, xdata: serializeDict(versions) });
    return client.raw(procedures.getSpec, writer.bytes, (reader) => getSpecReply.decode(reader).spec);
  }

  /** Another client goes on working: on what it has open, on names, with locks. */
  async stillServes(): Promise<void> {
    const { healthy, file } = this;
    const text = `still here ${performance.now()}`;
    expect((await healthy!.write(file!.gfid, file!.fd, text)).error).toBeUndefined();
    expect((await healthy!.read(file!.gfid, file!.fd, text.length)).rest.toString()).toBe(text);
    const name = `new-${performance.now()}`;
    await healthy!.create(name);
    expect((await healthy!.lookup(ROOT_GFID, name)).error).toBeUndefined();
    expect((await healthy!.lk(file!.gfid, file!.fd, 1, 1)).error).toBeUndefined();
    expect((await healthy!.lk(file!.gfid, file!.fd, 1, 2)).error).toBeUndefined();
  }

  /** What lies beside the brick is as it was. */
  outsideIsUntouched(): void {
    expect(readdirSync(this.outside)).toEqual(['secret']);
    expect(readFileSync(join(this.outside, 'secret'), 'utf8')).toBe(SECRET);
    expect(readdirSync(this.above).sort()).toEqual(['cluster', 'outside']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.close();
    await this.cluster.stop();
    rmSync(this.above, { recursive: true, force: true });
  }
}

export function withGfid(gfid: Uint8Array = newGfid(), more: readonly [string, string][] = []): Dict {
  const dict = new Dict().set(keys.gfidRequest, gfid);
  for (const [name, value] of more) dict.setBytes(name, Buffer.from(value));
  return dict;
}

export function user(uid: number, more: Partial<Identity> = {}): Identity {
  return { ...root, uid, gid: uid, ...more };
}

/** Makes a symbolic link and gives its gfid. */
export async function symlinkTo(client: WireClient, target: string, bname: string): Promise<Uint8Array> {
  const reply = await client.fop(
    'symlink',
    { pargfid: ROOT_GFID, bname, umask: 0, target },
    { xdata: withGfid() },
  );
  expect(reply.error).toBeUndefined();
  return (reply.fields.stat as Iatt).gfid;
}

/** Calls that name an entry, for a directory and a name. */
export function entryCalls(
  client: WireClient,
  pargfid: Uint8Array,
  bname: string,
  file: Uint8Array,
): Record<string, () => Promise<WireReply>> {
  const made = { pargfid, bname, umask: 0, mode: 0o644 };
  const call =
    (fop: FopName, fields: Record<string, unknown>, xdata: Dict | undefined = withGfid()) =>
    () =>
      client.fop(fop, fields, { xdata });
  const from = { oldgfid: pargfid, oldbname: bname, newgfid: ROOT_GFID, newbname: 'renamed' };
  const to = { oldgfid: ROOT_GFID, oldbname: 'healthy', newgfid: pargfid, newbname: bname };
  return {
    lookup: call('lookup', { gfid: NO_GFID, pargfid, bname, flags: 0 }),
    create: call('create', { ...made, flags: 0o102 }),
    mknod: call('mknod', { ...made, mode: 0o100644, dev: 0n }),
    mkdir: call('mkdir', made),
    symlink: call('symlink', { pargfid, bname, umask: 0, target: 'x' }),
    link: call('link', { oldgfid: file, newgfid: pargfid, newbname: bname }),
    unlink: call('unlink', { pargfid, bname, xflags: 0 }),
    rmdir: call('rmdir', { pargfid, bname, xflags: 0 }),
    'rmdir of a tree': call('rmdir', { pargfid, bname, xflags: 1 }),
    'rename from': call('rename', from),
    'rename to': call('rename', to),
  };
}
