import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An authority and certificates signed by it, by openssl. */
export class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), 'glfs-tls-'));

  constructor() {
    this.run('req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem');
  }

  private run(command: string): void {
    execFileSync('openssl', command.split(' '), { cwd: this.directory, stdio: 'pipe' });
  }

  get ca(): Buffer {
    return readFileSync(join(this.directory, 'ca.pem'));
  }

  issue(name: string, extension = ''): { cert: Buffer; key: Buffer } {
    this.run(`req -newkey rsa:2048 -nodes -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`);
    writeFileSync(join(this.directory, `${name}.ext`), extension);
    this.run(
      `x509 -req -days 2 -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ${name}.ext -out ${name}.pem`,
    );
    const read = (end: string): Buffer => readFileSync(join(this.directory, `${name}.${end}`));
    return { cert: read('pem'), key: read('key') };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}
