import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { nothingIsLeft } from '../helpers/left-over.ts';
import type { TestVolume } from '../helpers/volume.ts';

const pool = attachPool();

/** An authority with certificates, as files: bricks read theirs by name. */
class Authority {
  readonly directory = pool.scratch('tls');

  constructor() {
    mkdirSync(this.directory);
    this.openssl('req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem');
  }

  private openssl(command: string): void {
    execFileSync('openssl', command.split(' '), { cwd: this.directory, stdio: 'pipe' });
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  get ca(): Buffer {
    return readFileSync(this.file('ca.pem'));
  }

  /** Makes `<name>.pem` and `<name>.key`. */
  issue(name: string): { cert: Buffer; key: Buffer } {
    this.openssl(`req -newkey rsa:2048 -nodes -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`);
    this.openssl(
      `x509 -req -days 2 -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out ${name}.pem`,
    );
    return { cert: readFileSync(this.file(`${name}.pem`)), key: readFileSync(this.file(`${name}.key`)) };
  }
}

describe('a volume whose bricks want TLS', () => {
  let volume: TestVolume;
  let ours: Authority;
  let others: Authority;
  let friend: { cert: Buffer; key: Buffer };

  beforeAll(async () => {
    ours = new Authority();
    others = new Authority();
    ours.issue('brick');
    friend = ours.issue('friend');
    volume = await pool.createVolume('tls', {
      bricks: 2,
      nodes: [0, 1],
      options: {
        'client.ssl': 'on',
        'server.ssl': 'on',
        'auth.ssl-allow': 'friend',
        'ssl.own-cert': ours.file('brick.pem'),
        'ssl.private-key': ours.file('brick.key'),
        'ssl.ca-list': ours.file('ca.pem'),
      },
    });
  });

  afterAll(() => volume?.delete());

  test('opens with certificates of this connection; management stays plain', async () => {
    await using client = await connect(volume.url, { tls: { ...friend, ca: ours.ca } });
    const data = Buffer.alloc(2_000_003, 'tls');
    for (let index = 0; index < 8; index++) await client.writeFile(`/file-${index}`, data);
    for (let index = 0; index < 8; index++)
      expect((await client.readFile(`/file-${index}`)).equals(data)).toBe(true);
    await using file = await client.open('/file-0', 'r+');
    const into = Buffer.alloc(100_000);
    expect((await file.pread(into, 3)).bytesRead).toBe(into.length);
    expect(into.equals(data.subarray(3, 100_003))).toBe(true);
  });

  test('two connections of one process, each with a certificate of its own: one is let in', async () => {
    const stranger = ours.issue('stranger');
    await using client = await connect(volume.url, { tls: { ...friend, ca: ours.ca } });
    const refused = connect(volume.url, { tls: { ...stranger, ca: ours.ca } });
    await expect(refused).rejects.toMatchObject({ name: 'GlfsError', code: 'EACCES' });
    expect((await client.readFile('/file-0')).length).toBe(2_000_003);
  });

  test('certificates of another authority: the bricks are not talked to, and the error says why', async () => {
    const foreign = others.issue('friend');
    const error = await connect(volume.url, { tls: { ...foreign, ca: others.ca } }).then(
      () => undefined,
      (caught: unknown) => caught as Error,
    );
    expect(error).toMatchObject({ name: 'GlfsError', code: 'ENOTCONN' });
    expect(error!.message).toMatch(/certificate|self.signed|issuer/i);
  });

  test('without certificates of the caller, and none where GlusterFS has them: an error that says what to give', async () => {
    const translatorOptions = { '*.transport.socket.ca-list': '/nowhere' };
    await expect(connect(volume.url, { translatorOptions })).rejects.toMatchObject({
      name: 'GlfsError',
      code: 'EINVAL',
      message: expect.stringContaining('option tls'),
    });
    const files = {
      '*.transport.socket.own-cert': ours.file('friend.pem'),
      '*.transport.socket.private-key': ours.file('friend.key'),
      '*.transport.socket.ca-list': ours.file('ca.pem'),
    };
    await using client = await connect(volume.url, { translatorOptions: files });
    expect((await client.readdir('/')).length).toBe(8);
  });

  test('nothing is left open', async () => {
    await nothingIsLeft(volume);
  });
});
