import { readFileSync } from 'node:fs';

/** Names of users and groups of this machine, as ls shows them; the number where there is none. */
export class NameTable {
  private names: Map<number, string> | undefined;

  /** `file`: /etc/passwd or /etc/group; directories on the network are not asked. */
  constructor(private readonly file: string) {}

  of(id: number): string {
    this.names ??= this.read();
    return this.names.get(id) ?? String(id);
  }

  private read(): Map<number, string> {
    const names = new Map<number, string>();
    for (const line of textOf(this.file).split('\n')) {
      const [name, , id] = line.split(':');
      if (name && id !== undefined && /^\d+$/.test(id) && !names.has(Number(id))) names.set(Number(id), name);
    }
    return names;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

export const users = new NameTable('/etc/passwd');
export const groups = new NameTable('/etc/group');
